#!/usr/bin/env bash
# Fails where the answer `repository` is not this repository's name, as GitHub spells it: what is signed here would then be refused everywhere,
# and no role would be given to this pipeline.
# Usage: scripts/check-repository.sh (GITHUB_REPOSITORY is OWNER/NAME, which GitHub sets)
set -euo pipefail

answer=acme/orders
: "${GITHUB_REPOSITORY:?is the name of this repository, OWNER/NAME}"
if [[ $answer != "$GITHUB_REPOSITORY" ]]; then
  echo "check-repository: this is $GITHUB_REPOSITORY, and the answer \`repository\` is $answer: change it, and commit what that changes:" >&2
  echo "  uvx copier update --data repository=$GITHUB_REPOSITORY" >&2
  exit 1
fi

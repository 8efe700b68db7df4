#!/usr/bin/env bash
# Fails where the answer `repository` is not this repository's name, as GitHub spells it: what is signed here would then
# be refused everywhere, and no role would trust this pipeline.
# Usage: scripts/check-repository.sh     GITHUB_REPOSITORY is OWNER/NAME, which GitHub sets
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 0 ]] || usage
: "${GITHUB_REPOSITORY:?is the name of this repository, OWNER/NAME}"
answer=${source_url#https://github.com/}
[[ $answer == "$GITHUB_REPOSITORY" ]] ||
  fail "this is $GITHUB_REPOSITORY, and the answer \`repository\` is $answer: change it, and commit what that changes:
  uvx copier update --data repository=$GITHUB_REPOSITORY"

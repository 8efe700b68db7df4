#!/usr/bin/env bash
# Fails where the answer `repository` is not this repository's name, as GitHub spells it: what is signed here would then
# be refused everywhere, and no role would trust this pipeline. And where an update of the template was committed with its conflicts:
# what no job here reads, such as deploy/, would fail in a deployment.
# Usage: scripts/check-repository.sh     GITHUB_REPOSITORY is OWNER/NAME, which GitHub sets
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 0 ]] || usage
: "${GITHUB_REPOSITORY:?is the name of this repository, OWNER/NAME}"
answer=${source_url#https://github.com/}
[[ $answer == "$GITHUB_REPOSITORY" ]] ||
  fail "this is $GITHUB_REPOSITORY, and the answer \`repository\` is $answer: change it, and commit what that changes:
  uvx copier update --data repository=$GITHUB_REPOSITORY"

# As Copier marks them in a file, or in one beside it (`--conflict rej`); no other text does.
status=0
conflicts=$(git grep --full-name --files-with-matches --extended-regexp \
  '^((<<<<<<< before|>>>>>>> after) updating|diff a/.*[(]rejected hunks[)])' -- ':(top)') || status=$?
((status <= 1)) || fail "git can't read this repository"
[[ -z $conflicts ]] || fail "an update of the template left conflicts, which are to be resolved first:
$conflicts"

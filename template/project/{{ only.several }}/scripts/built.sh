#!/usr/bin/env bash
# Prints the commit that the image of a commit's service was built from. The pipeline builds what a push has changed, so most commits have no image of
# their own: theirs is that of an earlier commit with the same service. Waits for it: RELEASE_WAIT seconds at most (1200), looking every RELEASE_POLL
# seconds (20).
# Usage: scripts/built.sh REPOSITORY COMMIT     REPOSITORY is the image's name
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 2 ]] || usage
repository=$1 wanted=$2
git rev-parse --quiet --verify "$wanted^{commit}" >/dev/null || fail "commit $wanted is not in this clone"

# Newest first: along main, as it was pushed.
commits=()
while read -r commit; do
  same_service "$commit" "$wanted" || break
  commits+=("$commit")
done < <(git rev-list --first-parent "$wanted")

while true; do
  tags=$(crane ls "$repository" || true) # before the first image there is no such repository, and crane says so
  for commit in "${commits[@]}"; do
    if grep --quiet --line-regexp --fixed-strings "sha-${commit::12}" <<<"$tags"; then
      echo "$commit"
      exit
    fi
  done
  ((SECONDS < ${RELEASE_WAIT:-1200})) ||
    fail "none of the ${#commits[@]} commits that have the service as it is in $wanted has an image in $repository: tag a commit of main whose pipeline passes"
  sleep "${RELEASE_POLL:-20}"
done

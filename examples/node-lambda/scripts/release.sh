#!/usr/bin/env bash
# Tags the image that was built from a commit of main with a version; prints the image's digest.
# A version is never moved: where it exists, it must be this very image already.
# A tag may come together with its commit, so this waits until the image is there and signed: RELEASE_WAIT seconds at most
# (1200), looking every RELEASE_POLL seconds (20).
# Usage: scripts/release.sh REPOSITORY COMMIT VERSION     COMMIT in full
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 3 && $2 =~ ^[0-9a-f]{40}$ ]] || usage
repository=$1 commit=$2 version=$3 tag=sha-${2::12}
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || { echo "release: $version is no version: use 1.2.3" >&2; exit 2; }
wait=${RELEASE_WAIT:-1200}
awaited=

wait_for() { # WHAT REASON
  ((SECONDS < wait)) || fail "${2:+$2$'\n'}$repository:$tag has no $1 after $wait s: tag a commit of main whose pipeline passes"
  [[ $awaited == "$1" ]] || echo "release: waiting for the $1 of $repository:$tag, $wait s at most" >&2
  awaited=$1
  sleep "${RELEASE_POLL:-20}"
}

while true; do
  status=0
  digest=$(digest_of "$repository:$tag") || status=$?
  [[ $status == 0 || $status == 3 ]] || exit 1
  if [[ -z $digest ]]; then
    wait_for image
    continue
  fi
  reason=$("$(dirname "$0")/verify.sh" "$repository@$digest" "$commit" 2>&1 >/dev/null) || status=$?
  case $status in
    0) break ;;
    3) wait_for signature "$reason" ;;
    *) fail "$reason" ;;
  esac
done

existing=$(digest_of "$repository:$version")
[[ -z $existing || $existing == "$digest" ]] || fail "$version is $existing already, and a version is not moved: choose a new one"
[[ -n $existing ]] || crane tag "$repository@$digest" "$version" >&2
echo "$digest"

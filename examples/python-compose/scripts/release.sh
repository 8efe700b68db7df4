#!/usr/bin/env bash
# Gives an image that was built, tested and signed before a version's name; prints its digest.
# A version is never moved: where it exists, it must be this very image already.
# Usage: scripts/release.sh REPOSITORY TAG VERSION
set -euo pipefail

[[ $# == 3 ]] || { sed -n '4s/^# //p' "$0" >&2; exit 2; }
repository=$1 tag=$2 version=$3
# shellcheck source=scripts/registry.sh
source "$(dirname "$0")/registry.sh"

[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || { echo "release: $version is no version: use 1.2.3" >&2; exit 2; }

digest=$(digest_of "$repository:$tag")
[[ -n $digest ]] || { echo "release: there is no $repository:$tag: tag a commit of main whose pipeline has passed" >&2; exit 1; }
existing=$(digest_of "$repository:$version")
if [[ -n $existing && $existing != "$digest" ]]; then
  echo "release: $version is $existing already, and a version is not moved: choose a new one" >&2
  exit 1
fi

"$(dirname "$0")/verify.sh" "$repository@$digest" >&2
[[ -n $existing ]] || crane tag "$repository@$digest" "$version" >&2
echo "$digest"

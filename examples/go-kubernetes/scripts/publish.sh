#!/usr/bin/env bash
# Pushes what was tested: archives of `docker save`, one for each processor, become one image under one tag; prints its digest.
# The tag is never moved: where it exists, it must be this very image already.
# Usage: scripts/publish.sh REPOSITORY TAG ARCHIVE...
set -euo pipefail

[[ $# -ge 3 ]] || { sed -n '4s/^# //p' "$0" >&2; exit 2; }
repository=$1 tag=$2
# shellcheck source=scripts/registry.sh
source "$(dirname "$0")/registry.sh"

manifests=()
for archive in "${@:3}"; do
  manifests+=("$(crane digest --tarball "$archive")")
done

existing=$(digest_of "$repository:$tag")
if [[ -n $existing ]]; then
  if [[ $(platforms_of "$repository@$existing") != $(printf '%s\n' "${manifests[@]}" | sort) ]]; then
    echo "publish: $repository:$tag is another image already, and a tag is not moved: commit again" >&2
    exit 1
  fi
  echo "$existing"
  exit
fi

number=0
for archive in "${@:3}"; do
  pushed=$(crane push "$archive" "$repository@${manifests[number]}")
  [[ $pushed == *"@${manifests[number]}" ]] || { echo "publish: pushed $pushed, not ${manifests[number]}" >&2; exit 1; }
  number=$((number + 1))
done
if [[ $number == 1 ]]; then
  crane tag "$repository@${manifests[0]}" "$tag" >&2
else
  crane index append "${manifests[@]/#/--manifest=$repository@}" --tag "$repository:$tag" >&2
fi
crane digest "$repository:$tag"

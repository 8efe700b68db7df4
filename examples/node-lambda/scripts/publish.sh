#!/usr/bin/env bash
# Pushes what was tested: archives of `docker save`, one for each platform, become one image under one tag; prints its digest.
# The tag is never moved: where it exists, it must be this very image already.
# Usage: scripts/publish.sh REPOSITORY TAG ARCHIVE...
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# -ge 3 ]] || usage
repository=$1 tag=$2

manifests=()
for archive in "${@:3}"; do
  manifests+=("$(crane digest --tarball "$archive")")
done

existing() { # prints the digest of the tag's image, where it is this one
  local digest platforms
  digest=$(digest_of "$repository:$tag") || return
  [[ -n $digest ]] || return 0
  platforms=$(platforms_of "$repository@$digest") || return
  [[ $platforms == $(printf '%s\n' "${manifests[@]}" | sort) ]] ||
    fail "$repository:$tag is another image already, and a tag is not moved: commit again"
  echo "$digest"
}

# A registry may refuse to say anything of a repository that is not there yet. Images are pushed by digest, which moves nothing;
# the tag is set only where the registry has said clearly that there is none.
status=0
digest=$(existing) || status=$?
[[ $status == 0 || $status == 3 ]] || exit "$status"
if [[ -n $digest ]]; then
  echo "$digest"
  exit
fi

number=0
for archive in "${@:3}"; do
  pushed=$(crane push "$archive" "$repository@${manifests[number]}")
  [[ $pushed == *"@${manifests[number]}" ]] || fail "pushed $pushed, not ${manifests[number]}"
  number=$((number + 1))
done
if [[ $status == 3 ]]; then
  digest=$(existing) || fail "the registry does not say whether there is a $repository:$tag: let this login read it, too"
fi
if [[ -z $digest ]]; then
  if [[ $number == 1 ]]; then
    crane tag "$repository@${manifests[0]}" "$tag" >&2
  else
    crane index append "${manifests[@]/#/--manifest=$repository@}" --tag "$repository:$tag" >&2
  fi
fi
crane digest "$repository:$tag"

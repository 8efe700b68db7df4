# shellcheck shell=bash
# Questions to a registry, for the scripts beside this one.

# digest_of REFERENCE: its digest; nothing where there is no such image; fails where the registry gives no clear answer.
digest_of() {
  local answer
  if answer=$(crane digest "$1" 2>&1); then
    echo "$answer"
  elif [[ ! $answer =~ MANIFEST_UNKNOWN|NAME_UNKNOWN|404 ]]; then
    echo "$answer" >&2
    return 1
  fi
}

# platforms_of REFERENCE: the digests of the images in an index, one a line, sorted; else the image's own.
platforms_of() {
  local manifest
  manifest=$(crane manifest "$1")
  if jq --exit-status 'has("manifests")' <<<"$manifest" >/dev/null; then
    jq --raw-output '.manifests[].digest' <<<"$manifest" | sort
  else
    crane digest "$1"
  fi
}

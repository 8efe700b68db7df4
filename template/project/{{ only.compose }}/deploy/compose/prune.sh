#!/usr/bin/env bash
# On the host: removes images that are not needed. The last three versions stay, so that rolling back to them needs no registry,
# and what compose.prod.yaml names besides.
# Usage: prune.sh
set -euo pipefail
# shellcheck source=deploy/compose/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 0 ]] || usage
cd "$here"

others=$(compose config --images | grep -v "^$repository@")
keep=$(tac history 2>/dev/null | awk '!seen[$2]++ && n++ < 3 { print $2 }')$others
for image in "$repository" $(sed 's/@.*//; s/:[^/:]*$//' <<<"$others" | sort -u); do
  for digest in $(docker image ls --digests --format json "$image" | grep -o 'sha256:[0-9a-f]\{64\}' | sort -u); do
    [[ $keep == *"$digest"* ]] || docker image rm "$image@$digest" >/dev/null 2>&1 || true # a container may still have it
  done
done

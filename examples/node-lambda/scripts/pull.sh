#!/usr/bin/env bash
# Saves the images whose digests it reads, one a line, for the step that scans them: FOLDER/sha256-….tar for each platform. Prints how many.
# Usage: scripts/pull.sh REPOSITORY FOLDER
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 2 ]] || usage
repository=$1 folder=$2
mkdir -p "$folder"

number=0
while read -r image; do
  inside=$(platforms_of "$repository@$image")
  for digest in $inside; do
    crane pull "$repository@$digest" "$folder/${digest/:/-}.tar" >&2 </dev/null
    number=$((number + 1))
  done
done
echo "$number"

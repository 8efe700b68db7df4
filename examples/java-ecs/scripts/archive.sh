#!/usr/bin/env bash
# Saves an image for the steps that scan and push it: FOLDER/PROCESSOR.tar, and beside it the list of what is inside,
# DIGEST.spdx.json (with '-' for ':'), named after the digest that the image will have in every registry.
# Usage: scripts/archive.sh IMAGE PROCESSOR FOLDER
set -euo pipefail

[[ $# == 3 ]] || { sed -n '4s/^# //p' "$0" >&2; exit 2; }
image=$1 archive=$3/$2.tar
mkdir -p "$3"

docker save --output "$archive" "$image"
digest=$(crane digest --tarball "$archive")
syft scan --quiet "docker-archive:$archive" --output "spdx-json=$3/${digest/:/-}.spdx.json"
echo "archive: $archive is $digest"

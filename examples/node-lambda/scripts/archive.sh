#!/usr/bin/env bash
# Saves an image for the steps that scan and push it, FOLDER/ARCH.tar, unless it is there; beside it its SBOM, FOLDER/ARCH.spdx.json.
# Prints the digest that the image will have in every registry.
# Usage: scripts/archive.sh IMAGE ARCH FOLDER
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 3 ]] || usage
image=$1 archive=$3/$2.tar
mkdir -p "$3"

# In the pipeline it is there already, as BuildKit wrote it: saving the image would make other layers of the same files.
[[ -e $archive ]] || docker save --output "$archive" "$image"
# Packages and what depends on what, but no single files: with them an SBOM is ten times as long, too long for the public
# transparency log (https://github.com/sigstore/cosign/issues/3599).
sbom=${archive%.tar}.spdx.json
SYFT_FILE_METADATA_SELECTION=none SYFT_RELATIONSHIPS_PACKAGE_FILE_OWNERSHIP=false \
  syft scan --quiet "docker-archive:$archive" --output "spdx-json=$sbom.whole"
jq --compact-output 'del(.files, .packages[].packageVerificationCode)
  | .packages[].filesAnalyzed = false
  | .relationships |= map(select([.spdxElementId, .relatedSpdxElement] | any(startswith("SPDXRef-File-")) | not))' \
  "$sbom.whole" >"$sbom"
rm "$sbom.whole"
crane digest --tarball "$archive"

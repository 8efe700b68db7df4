#!/usr/bin/env bash
# Signs an image, and attests its provenance and, for each of its platforms, its SBOM and its scan.
# FOLDER has provenance.json, and for each platform ARCH.tar, ARCH.spdx.json and ARCH.vuln.json.
# Usage: scripts/sign.sh REPOSITORY@DIGEST FOLDER
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 2 && $1 == *@sha256:* ]] || usage
image=$1 folder=$2
attest=$(dirname "$0")/attest.sh

inside=$(platforms_of "$image")
for archive in "$folder"/*.tar; do
  digest=$(crane digest --tarball "$archive")
  [[ $'\n'$inside$'\n' == *$'\n'$digest$'\n'* ]] || fail "$archive is $digest, which is not in $image"
  "$attest" "${image%@*}@$digest" sbom "${archive%.tar}.spdx.json"
  "$attest" "${image%@*}@$digest" scan "${archive%.tar}.vuln.json"
done
"$attest" "$image" provenance "$folder/provenance.json"
# Last, so that what has a signature has all the rest.
cosign sign "${signing[@]}" --recursive "$image"

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
sign() {
  local archive digest
  for archive in "$folder"/*.tar; do
    digest=$(crane digest --tarball "$archive")
    [[ $'\n'$inside$'\n' == *$'\n'$digest$'\n'* ]] || fail "$archive is $digest, which is not in $image"
    "$attest" "${image%@*}@$digest" sbom "${archive%.tar}.spdx.json"
    "$attest" "${image%@*}@$digest" scan "${archive%.tar}.vuln.json"
  done
  "$attest" "$image" provenance "$folder/provenance.json"
  # Last, so that what has a signature has all the rest.
  cosign sign "${signing[@]}" --recursive "$image"
}

# What nobody can verify is found here, not when it is deployed. A registry may show late what it got.
public=${COSIGN_KEY:+$folder/cosign.pub}
[[ -z $public ]] || cosign public-key --key "$COSIGN_KEY" --outfile "$public" >&2
verify() {
  local reason
  for _ in {1..10}; do
    if reason=$(COSIGN_KEY=$public "$(dirname "$0")/verify.sh" "$image" 2>&1 >/dev/null); then return 0; fi
    sleep 2
  done
  echo "$reason" >&2
  return 1
}

sign
verify || { sign && verify; } # once more, where the registry has dropped a part

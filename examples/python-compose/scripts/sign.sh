#!/usr/bin/env bash
# Signs an image, and attaches to it how it was built, and to each of its platforms the list of what is inside.
# In the pipeline the signer is the workflow itself (https://docs.sigstore.dev/cosign/signing/overview/); COSIGN_KEY names a key instead.
# Usage: scripts/sign.sh REPOSITORY@DIGEST FOLDER     with provenance.json, and DIGEST.spdx.json for each platform, ':' as '-'
set -euo pipefail

[[ $# == 2 && $1 == *@sha256:* ]] || { sed -n '4s/^# //p' "$0" >&2; exit 2; }
image=$1 folder=$2
options=(--yes)
# A key of one's own is not known to the public log.
[[ -z ${COSIGN_KEY:-} ]] || options+=(--key "$COSIGN_KEY" --tlog-upload=false --use-signing-config=false)

cosign sign "${options[@]}" --recursive "$image"
cosign attest "${options[@]}" --type slsaprovenance1 --predicate "$folder/provenance.json" "$image"
for sbom in "$folder"/*.spdx.json; do
  digest=$(basename "$sbom" .spdx.json)
  cosign attest "${options[@]}" --type spdxjson --predicate "$sbom" "${image%@*}@${digest/-/:}"
done

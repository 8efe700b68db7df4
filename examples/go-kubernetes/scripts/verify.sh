#!/usr/bin/env bash
# Fails unless this repository's own pipeline, on main, built and signed the image, and listed what is inside.
# Anyone can run it; COSIGN_KEY names a key instead of the pipeline.
# Usage: scripts/verify.sh REPOSITORY@DIGEST
set -euo pipefail

[[ $# == 1 && $1 == *@sha256:* ]] || { sed -n '4s/^# //p' "$0" >&2; exit 2; }
image=$1
# shellcheck source=scripts/registry.sh
source "$(dirname "$0")/registry.sh"

signer=(
  --certificate-identity https://github.com/acme/orders/.github/workflows/ci.yml@refs/heads/main
  --certificate-oidc-issuer https://token.actions.githubusercontent.com
)
[[ -z ${COSIGN_KEY:-} ]] || signer=(--key "$COSIGN_KEY" --insecure-ignore-tlog)

demand() { # WHAT COMMAND...
  cosign "${@:2}" >/dev/null || { echo "verify: $image has no $1 by ${COSIGN_KEY:-this pipeline}: do not run it" >&2; exit 1; }
}

demand signature verify "${signer[@]}" "$image"
demand provenance verify-attestation "${signer[@]}" --type slsaprovenance1 "$image"
for digest in $(platforms_of "$image"); do
  demand 'list of contents' verify-attestation "${signer[@]}" --type spdxjson "${image%@*}@$digest"
done
echo "verify: $image is what the pipeline built"

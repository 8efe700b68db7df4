#!/usr/bin/env bash
# Signs an attestation of an image, and puts it beside the image: its provenance, SBOM or vulnerability scan.
# It is an in-toto statement of version 1; `cosign attest` still writes version 0.1, which other verifiers refuse
# (https://github.com/sigstore/cosign/issues/4308).
# Usage: scripts/attest.sh REPOSITORY@DIGEST provenance|sbom|scan PREDICATE_FILE
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 3 && $1 == *@sha256:* ]] || usage
case $2 in
  provenance) type=https://slsa.dev/provenance/v1 ;;
  sbom) type=https://spdx.dev/Document ;;
  scan) type=https://cosign.sigstore.dev/attestation/vuln/v1 ;;
  *) usage ;;
esac
image=$1 predicate=$3
[[ -s $predicate ]] || fail "there is no $predicate"
layout=$(mktemp -d)
trap 'rm -rf "$layout"' EXIT

jq --null-input --arg name "${image%@*}" --arg digest "${image#*@sha256:}" --arg type "$type" --slurpfile predicate "$predicate" '{
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: $name, digest: { sha256: $digest } }],
    predicateType: $type,
    predicate: $predicate[0]
  }' >"$layout/statement.json"
cosign attest-blob "${signing[@]}" --statement "$layout/statement.json" --bundle "$layout/bundle.json" >&2

# An OCI artifact whose subject is the image, as `cosign attest` writes it: the Sigstore bundle is its one layer.
# https://github.com/sigstore/cosign/blob/main/specs/BUNDLE_SPEC.md
bundle=application/vnd.dev.sigstore.bundle.v0.3+json empty=application/vnd.oci.empty.v1+json
manifest=application/vnd.oci.image.manifest.v1+json
mkdir -p "$layout/blobs/sha256"
descriptor() { # MEDIA_TYPE FILE: of a file that is put into the layout
  local digest
  digest=$(sha256sum "$2" | cut -d ' ' -f 1)
  mv "$2" "$layout/blobs/sha256/$digest"
  jq --null-input --arg type "$1" --arg digest "sha256:$digest" --argjson size "$(wc -c <"$layout/blobs/sha256/$digest")" \
    '{ mediaType: $type, digest: $digest, size: $size }'
}
crane manifest "$image" >"$layout/subject.json"
subject=$(jq --arg digest "${image#*@}" --argjson size "$(wc -c <"$layout/subject.json")" --arg default "$manifest" \
  '{ mediaType: (.mediaType // $default), digest: $digest, size: $size }' "$layout/subject.json")
echo -n '{}' >"$layout/empty.json"
config=$(descriptor "$empty" "$layout/empty.json")
layer=$(descriptor "$bundle" "$layout/bundle.json")
jq --null-input --arg manifest "$manifest" --arg bundle "$bundle" --arg type "$type" --arg created "$(date --utc +%FT%TZ)" \
  --argjson config "$config" --argjson layer "$layer" --argjson subject "$subject" '{
    schemaVersion: 2,
    mediaType: $manifest,
    artifactType: $bundle,
    config: $config,
    layers: [$layer],
    subject: $subject,
    annotations: {
      "org.opencontainers.image.created": $created,
      "dev.sigstore.bundle.content": "dsse-envelope",
      "dev.sigstore.bundle.predicateType": $type
    }
  }' >"$layout/manifest.json"
artifact=$(descriptor "$manifest" "$layout/manifest.json")
jq --null-input --argjson artifact "$artifact" '{ schemaVersion: 2, manifests: [$artifact] }' >"$layout/index.json"
echo '{ "imageLayoutVersion": "1.0.0" }' >"$layout/oci-layout"
artifact=$(jq --raw-output .digest <<<"$artifact")
log=$(crane push "$layout" "${image%@*}@$artifact" 2>&1) || fail "$log"
echo "$log" >&2

# Where a registry has no referrers API (GHCR), the list of what belongs to an image is a tag, which each writer reads and writes again.
# So wait until that list shows this attestation: the next writer would drop it. https://github.com/NVIDIA/nodewright-packages/pull/132
[[ $log == *"fallback tag"* ]] || exit 0
list=${image%@*}:sha256-${image#*@sha256:}
for _ in {1..60}; do
  if [[ -n $(digest_of "$list") ]]; then
    shown=$(crane manifest "$list" | jq --raw-output '.manifests[].digest')
    [[ $'\n'$shown$'\n' != *$'\n'$artifact$'\n'* ]] || exit 0
  fi
  sleep 1
done
fail "$list does not show $artifact"

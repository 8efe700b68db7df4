#!/usr/bin/env bash
# Fails unless this repository's builder built and signed the image, from a commit of main, with its SBOM and a recent scan.
# Prints that commit; where COMMIT is given, it must be that one. Anyone can run this.
# SCAN_MAX_DAYS says how old the scan may be (14), or `any`; COSIGN_KEY names a key instead of the builder's identity.
# Exit code 1: do not run this image; 3: it is not signed, or not yet.
# Usage: scripts/verify.sh REPOSITORY@DIGEST [COMMIT]
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# -ge 1 && $# -le 2 && $1 == *@sha256:* ]] || usage
image=$1 wanted=${2:-} max_days=${SCAN_MAX_DAYS:-14}
[[ $max_days =~ ^([0-9]+|any)$ ]] || { echo "verify: SCAN_MAX_DAYS is $max_days: a number of days, or any" >&2; exit 2; }

# What the certificate of a signature must say, besides being GitHub's word: https://docs.sigstore.dev/certificate_authority/oidc-in-fulcio/
origin=(
  --certificate-oidc-issuer "$issuer" --certificate-github-workflow-repository "${source_url#https://github.com/}"
  --certificate-github-workflow-ref refs/heads/main
)
by_builder=(--certificate-identity "$builder" "${origin[@]}" --certificate-github-workflow-trigger push)
# A scan is repeated while the image is in use, by a workflow of its own.
scanner=$source_url/.github/workflows/scan.yml@refs/heads/main
by_scanner=(--certificate-identity-regexp "^(${builder//./\\.}|${scanner//./\\.})\$" "${origin[@]}")
if [[ -n ${COSIGN_KEY:-} ]]; then
  by_builder=(--key "$COSIGN_KEY" --insecure-ignore-tlog)
  by_scanner=("${by_builder[@]}")
fi

demand() { # WHAT COSIGN_ARGUMENTS...: prints what was verified
  cosign "${@:2}" || { echo "verify: ${*: -1} has no $1 by ${COSIGN_KEY:-$builder}: do not run it" >&2; exit 3; }
}
statements() { jq --raw-output '.payload | @base64d | fromjson'; }

provenance=$(demand 'provenance attestation' verify-attestation "${by_builder[@]}" --type slsaprovenance1 "$image" | statements)
commit=$(jq --raw-output --arg source "$source_url" --arg builder "$builder" '.predicate |
  select(.runDetails.builder.id == $builder and .buildDefinition.externalParameters.workflow.repository == $source and
    .buildDefinition.externalParameters.workflow.ref == "refs/heads/main" and .buildDefinition.internalParameters.github.event_name == "push") |
  .buildDefinition.resolvedDependencies[] | select(.uri == "git+\($source)@refs/heads/main") | .digest.gitCommit' <<<"$provenance" | sort -u)
[[ $commit =~ ^[0-9a-f]{40}$ ]] || fail "the provenance of $image does not name one commit of main of $source_url: do not run it"
[[ -z $wanted || $commit == "$wanted" ]] || fail "$image was built from commit $commit, not from $wanted: do not run it"

# From here on, all must come from that commit.
[[ -n ${COSIGN_KEY:-} ]] || by_builder+=(--certificate-github-workflow-sha "$commit")
demand 'provenance attestation' verify-attestation "${by_builder[@]}" --type slsaprovenance1 "$image" >/dev/null
# `cosign verify` would take any attestation for it.
demand signature verify-attestation "${by_builder[@]}" --type https://sigstore.dev/cosign/sign/v1 "$image" >/dev/null
inside=$(platforms_of "$image")
for digest in $inside; do
  platform=${image%@*}@$digest
  demand 'SBOM attestation' verify-attestation "${by_builder[@]}" --type spdxjson "$platform" >/dev/null
  [[ $max_days != any ]] || continue
  scan=$(demand 'scan attestation' verify-attestation "${by_scanner[@]}" --type vuln "$platform" | statements |
    jq --slurp 'map(.predicate) | max_by(.metadata.scanFinishedOn)')
  finished=$(jq --raw-output '.metadata.scanFinishedOn' <<<"$scan")
  age=$(($(date +%s) - $(date --date "$finished" +%s)))
  ((age <= max_days * 86400)) || fail "$platform was last scanned at $finished, more than $max_days days ago: scan it again (or set SCAN_MAX_DAYS)"
  jq --exit-status '[.scanner.result.Results[]? | (.Vulnerabilities, .Secrets)[]?] == []' <<<"$scan" >/dev/null ||
    fail "the last scan of $platform, at $finished, found something HIGH or CRITICAL that can be fixed"
done
echo "verify: $image is what $builder built from commit $commit" >&2
echo "$commit"

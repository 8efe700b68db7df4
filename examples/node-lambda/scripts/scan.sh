#!/usr/bin/env bash
# Looks for known vulnerabilities and secrets in an archive of `docker save`, and for misconfigurations in the files that build and run it.
# Fails on what is HIGH or CRITICAL and can be fixed. Exceptions, each with a reason and an expiry date, are in .trivyignore.yaml.
# REPORTS gets summary.md, image.sarif and NAME.vuln.json, what scripts/attest.sh takes as the scan of NAME.tar.
# Usage: scripts/scan.sh TRIVY_IMAGE ARCHIVE REPORTS
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 3 ]] || usage
trivy=$1 archive=$2
[[ -f $archive ]] || fail "there is no $archive"
archive=$(realpath "$archive")
mkdir -p "$3" .cache/trivy
reports=$(realpath "$3")

# A scanner parses untrusted input, so it gets no credentials, no Docker socket, and nothing to write to but its reports.
run() {
  docker run --rm --user "$(id -u):$(id -g)" --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
    --volume "$PWD:/work:ro" --volume "$archive:/image.tar:ro" \
    --volume "$PWD/.cache/trivy:/cache" --volume "$reports:/reports" --workdir /work \
    "$trivy" "$1" --quiet --cache-dir /cache "${@:2}" || {
    printf '### Scan\n\nThe scanner itself failed: nothing is known of this image. See the log of this step.\n' >"$reports/summary.md"
    fail "the scanner failed (trivy $1): see above"
  }
}

rules=(--severity "HIGH,CRITICAL" --ignorefile .trivyignore.yaml --format json)
run image --input /image.tar --scanners vuln,secret --ignore-unfixed "${rules[@]}" --output /reports/image.json
run config --skip-dirs .cache "${rules[@]}" --output /reports/config.json .
run convert --format sarif --output /reports/image.sarif /reports/image.json
run convert --format cosign-vuln --output /reports/predicate.json /reports/image.json
# Packages are in the SBOM.
jq 'del(.scanner.result.Results[]?.Packages)' "$reports/predicate.json" >"$reports/$(basename "$archive" .tar).vuln.json"

findings=$(jq --raw-output '.Results[]? | .Target as $target | (.Vulnerabilities, .Secrets, .Misconfigurations)[]? |
  "| \(.Severity) | \(.VulnerabilityID // .RuleID // .ID) | \(.PkgName // $target) | \(.FixedVersion // .Resolution // "remove it") |"' \
  "$reports"/{image,config}.json)
{
  echo "### Scan"
  echo
  if [[ -z $findings ]]; then
    echo "Nothing HIGH or CRITICAL that can be fixed."
  else
    printf '| severity | finding | where | fixed by |\n|---|---|---|---|\n%s\n' "$findings"
  fi
} | tee "$reports/summary.md"
[[ -z $findings ]]

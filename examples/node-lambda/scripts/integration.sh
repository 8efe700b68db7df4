#!/usr/bin/env bash
# Checks what a running service answers; every deployment runs it against the new version.
# This file is yours: add what your callers rely on. A check that fails rolls the deployment back.
# Usage: scripts/integration.sh URL
set -euo pipefail

[[ $# == 1 && $1 =~ ^https?:// ]] || { echo "Usage: scripts/integration.sh URL" >&2; exit 2; }
url=${1%/}

ask() { curl --silent --show-error --fail --max-time 10 --retry 3 "$url$1"; }
fail() { echo "integration: $*" >&2; exit 1; }

[[ $(ask /healthz) == *'"ok"'* ]] || fail "$url/healthz does not say that it is healthy"
[[ $(ask /readyz) == *'"ready"'* ]] || fail "$url/readyz does not say that it is ready: a dependency does not answer"
[[ $(curl --silent --output /dev/null --max-time 10 --header 'Accept: application/json' --write-out '%{http_code}' "$url/no-such-page") == 404 ]] ||
  fail "$url/no-such-page is not answered by 404"

echo "integration: $url answers as it should"

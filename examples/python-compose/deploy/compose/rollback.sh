#!/usr/bin/env bash
# Back to an earlier version, as deploy.sh brings a new one. Healthy and ready it must be; the integration test is left out:
# it may ask for what came later, and the version has passed its own.
# Usage: deploy/compose/rollback.sh ENVIRONMENT REPOSITORY@DIGEST
set -euo pipefail

[[ $# == 2 ]] || { sed -n '4s/^# //p' "$0" >&2; exit 2; }
INTEGRATION_TEST=true exec "$(dirname "$0")/deploy.sh" "$@"

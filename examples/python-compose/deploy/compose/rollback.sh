#!/usr/bin/env bash
# Rolls an environment back to an earlier image, in the way that a new one is deployed. It must be healthy and ready; the integration
# test is left out: it may ask for what came later, and the version has passed its own. No migration is run or undone.
# Usage: deploy/compose/rollback.sh staging|production REPOSITORY@DIGEST
set -euo pipefail
# shellcheck source=deploy/compose/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 2 ]] || usage
INTEGRATION_TEST=true MIGRATE=no exec "$here/deploy.sh" "$@"

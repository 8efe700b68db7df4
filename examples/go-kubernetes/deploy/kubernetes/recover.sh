#!/usr/bin/env bash
# Rolls back a deployment that was cancelled or killed before it had ended. Where there is none, it changes nothing.
# Usage: deploy/kubernetes/recover.sh staging|production
set -euo pipefail
# shellcheck source=deploy/kubernetes/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=deploy/kubernetes/rollout.sh
source "$here/rollout.sh"
# shellcheck source=deploy/kubernetes/record.sh
source "$here/record.sh"
# shellcheck source=deploy/kubernetes/strategy.sh
source "$here/strategy.sh"
# shellcheck source=deploy/kubernetes/migrate.sh
source "$here/migrate.sh"

[[ $# == 1 ]] || usage
choose_environment "$1"

end_deployment
needs_environment
stop_migration "$name-migrate-"
roll_back

#!/usr/bin/env bash
# Rolls back a deployment that was cancelled or killed before it had ended. Where there is none, it changes nothing.
# Usage: deploy/compose/recover.sh staging|production
set -euo pipefail
# shellcheck source=deploy/compose/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 1 ]] || usage
choose_environment "$1"

end_deployment
"${ssh[@]}" "$DEPLOY_HOST" "[ -x $name/release.sh ] || { echo 'recover: nothing to roll back: nothing was ever deployed' >&2; exit; }; $name/release.sh --recover"

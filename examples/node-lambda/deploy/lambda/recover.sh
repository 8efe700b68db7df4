#!/usr/bin/env bash
# Rolls back a deployment that was cancelled or killed before it had ended, in the folder in which deploy.sh was started.
# Where there is none, it changes nothing.
# Usage: deploy/lambda/recover.sh staging|production
set -euo pipefail
# shellcheck source=deploy/lambda/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=deploy/lambda/strategy.sh
source "$here/strategy.sh"
# shellcheck source=deploy/lambda/migrate.sh
source "$here/migrate.sh"

[[ $# == 1 ]] || usage
choose_environment "$1"
as_stack_role

end_deployment
[[ -f $note ]] || { say "nothing to roll back: no deployment of $environment from this folder is unfinished"; exit; }
{ read -r before && read -r before_version && read -r image && { read -r migration || true; }; } <"$note" || { rm "$note"; fail "the deployment left no note of what ran before: see what $environment runs"; }
roll_back

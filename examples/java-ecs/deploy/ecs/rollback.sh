#!/usr/bin/env bash
# Rolls an environment back to an earlier image. Unlike deploy.sh it is not stopped by alarms: one may be the reason for the rollback.
# Usage: deploy/ecs/rollback.sh staging|production REPOSITORY@DIGEST
set -euo pipefail
# shellcheck source=deploy/ecs/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=deploy/ecs/strategy.sh
source "$here/strategy.sh"

[[ $# == 2 ]] || usage
choose_environment "$1"
choose_image "$2"
as_stack_role
check_reachable

settle service
before=$(running)
[[ -n $before ]] || fail "$environment has no image yet: use deploy/ecs/deploy.sh"
# A job that is cancelled, or fails here, does not come to its end: recover.sh then goes back to what ran before.
mark_deployment "$before" "$image"
go_back_to "$image" || fail "$image fails too: deploy/ecs/recover.sh $environment goes back to $before"
finish
say "$environment runs $image"

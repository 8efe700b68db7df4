#!/usr/bin/env bash
# Replaces all tasks by new ones of the same image, without a gap: a task reads its secrets when it starts, and never again.
# No alarm stops it: an alarm may be the reason for it.
# Usage: deploy/ecs/restart.sh staging|production
set -euo pipefail
# shellcheck source=deploy/ecs/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=deploy/ecs/strategy.sh
source "$here/strategy.sh"

[[ $# == 1 ]] || usage
choose_environment "$1"
as_stack_role
check_reachable

settle service
image=$(running)
[[ -n $image ]] || fail "$environment has no image yet: use deploy/ecs/deploy.sh"
parameters+=("RestartedAt=$(date --utc +%Y-%m-%dT%H:%M:%SZ)")
go_back_to "$image" || fail "new tasks do not work: see the events of the stack $service-$environment-service"
say "$environment runs $image in new tasks"

#!/usr/bin/env bash
# Goes back to an earlier image, by hand. Unlike deploy.sh it lets no alarm stop it: one may be the reason for going back.
# Usage: deploy/ecs/rollback.sh ENVIRONMENT REPOSITORY@DIGEST
set -euo pipefail

[[ $# == 2 ]] || { sed -n '3s/^# //p' "$0" >&2; exit 2; }
# shellcheck source=deploy/ecs/rollout.sh
source "$(dirname "$0")/rollout.sh"
choose "$1"
choose_image "$2"
as_stack_role

settle service
[[ -n $(running) ]] || fail "$environment has no image yet: use deploy/ecs/deploy.sh"
roll_out "$image" false || fail "$image does not do either; the stack says that $environment runs $(running)"
echo "$program: $environment runs $image"

#!/usr/bin/env bash
# Rolls an environment back to an earlier image. Unlike deploy.sh it is not stopped by alarms: one may be the reason for the rollback.
# Usage: deploy/lambda/rollback.sh staging|production REPOSITORY@DIGEST
set -euo pipefail
# shellcheck source=deploy/lambda/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=deploy/lambda/strategy.sh
source "$here/strategy.sh"

[[ $# == 2 ]] || usage
choose_environment "$1"
choose_image "$2"
as_stack_role

settle function
before_version=$(version_of live)
[[ -n $before_version ]] || fail "$environment has no image yet: use deploy/lambda/deploy.sh"
if ! go_back_to "$image"; then
  [[ $(version_of live) == "$before_version" ]] || point_to "$before_version" || true
  fail "$image fails too; $environment runs $(running)"
fi
say "$environment runs $image"

#!/usr/bin/env bash
# Deploys an image to an environment: migrates the database, starts it, tests it, switches the traffic to it and watches it. If a step fails, it rolls back.
# MIGRATE=no leaves the migrations out.
# Usage: deploy/kubernetes/deploy.sh staging|production REPOSITORY@DIGEST
set -euo pipefail
# shellcheck source=deploy/kubernetes/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=deploy/kubernetes/strategy.sh
source "$here/strategy.sh"
# shellcheck source=deploy/kubernetes/migrate.sh
source "$here/migrate.sh"

[[ $# == 2 ]] || usage
choose_environment "$1"
choose_image "$2"
mark_deployment "$image"

integration_test() { "$here/integration.sh" "$environment" "deployment/$started"; }
watch() { "$here/watch.sh" "$environment" "$started"; }

# A job that is cancelled may not come to this: recover.sh does the same.
trap 'say "rolling back"; stop_migration "$job" || true; roll_back; exit 1' EXIT
trap 'exit 1' INT TERM HUP

migrate
start
integration_test
switch_traffic
watch

trap - EXIT
[[ $(image_of "$started") == "$image" ]] || fail "somebody else has deployed to $environment meanwhile: see what runs there"
finish
say "$environment runs $image"

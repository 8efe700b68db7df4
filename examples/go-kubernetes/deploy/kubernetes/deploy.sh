#!/usr/bin/env bash
# Deploys an image to an environment: migrates the database, starts it, tests it, switches the traffic to it and watches it. If a step fails, it rolls back.
# MIGRATE=no leaves the migrations out.
# Usage: deploy/kubernetes/deploy.sh staging|production REPOSITORY@DIGEST
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

[[ $# == 2 ]] || usage
choose_environment "$1"
choose_image "$2"
needs_environment
needs_kubernetes 30 # preStop's sleep, ValidatingAdmissionPolicy
check_manifests
mark_deployment "$image"
say "bringing ${digest:0:19} to $environment: namespace $namespace, kubectl's context $(context)"

integration_test() { "$here/integration.sh" "$environment" "deployment/$started"; }
answers() { curl --fail --silent --show-error --output /dev/null --retry 3 --retry-all-errors --max-time 10 "$1/readyz"; }
ask_service() { forwarded "service/$name" answers || fail "the Service $name does not lead to what was started"; }
watch() { "$here/watch.sh" "$environment" "$started"; }

# The way from outside counts where it is open now: not every machine reaches it, and before the first version it leads nowhere.
open=yes
ask_route || { open=no; say "https://$host/healthz does not answer from here: the way from outside is not tested"; }

# A job that is cancelled may not come to this: recover.sh does the same.
take_back() {
  local status
  say "rolling back"
  trap : INT TERM HUP # Ctrl-C ends the subshell
  set +e
  (set -e; stop_migration "$job" || true; roll_back)
  status=$?
  [[ $status == 0 ]] || say "that has not come to its end: deploy/kubernetes/recover.sh $environment tries it again"
  exit 1
}
trap take_back EXIT
trap 'exit 1' INT TERM HUP

migrate
start
integration_test
switch_traffic
ask_service
[[ $open == no ]] || ask_route --retry 4 --retry-all-errors || fail "https://$host/healthz does not answer any more"
watch

trap - EXIT
[[ $(image_of "$started") == "$image" ]] || fail "somebody else has deployed to $environment meanwhile: deploy/kubernetes/rollback.sh $environment lists what runs"
finish
say "$environment runs $image"

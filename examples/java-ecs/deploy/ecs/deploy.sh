#!/usr/bin/env bash
# Deploys an image to an environment: migrates the database, starts it, tests it, switches the traffic to it and watches the alarms. If a step fails, it rolls back.
# WATCH_SECONDS says how long the alarms are watched: 300 in production, 60 in staging.
# Usage: deploy/ecs/deploy.sh staging|production REPOSITORY@DIGEST
set -euo pipefail
# shellcheck source=deploy/ecs/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=deploy/ecs/strategy.sh
source "$here/strategy.sh"
# shellcheck source=deploy/ecs/migrate.sh
source "$here/migrate.sh"

[[ $# == 2 ]] || usage
choose_environment "$1"
choose_image "$2"
[[ $environment == production ]] && : "${WATCH_SECONDS:=300}"
: "${WATCH_SECONDS:=60}"
as_stack_role
check_reachable

# alarms: those that fire, one a line; fails where one of them does not exist, because then nobody would be watching.
alarms() {
  local names=("$service-$environment"-{5xx,latency,unhealthy,errors,cpu,memory}) found
  found=$(aws cloudwatch describe-alarms --alarm-names "${names[@]}" --query 'MetricAlarms[].[AlarmName, StateValue]' --output text) || return 1
  [[ $(wc -l <<<"$found") == 6 ]] || { say "not all of ${names[*]} exist: run deploy/ecs/setup.sh $environment"; return 1; }
  awk '$2 == "ALARM" { print $1 }' <<<"$found" | sort
}

# watch: fails when an alarm fires that did not before.
watch() {
  local end=$((SECONDS + WATCH_SECONDS)) now new
  while now=$(alarms); do
    new=$(comm -13 <(echo "$fired") <(echo "$now"))
    [[ -z $new ]] || { say "$new fires"; return 1; }
    ((SECONDS < end)) || return 0
    sleep "$POLL_SECONDS"
  done
  return 1
}

settle roles
settle service
before=$(running)
fired=$(alarms)
[[ -z $fired ]] || say "ignoring alarms already in ALARM: $fired"

# A job that is cancelled may not come to this: recover.sh does the same.
mark_deployment "$before" "$image"
trap 'say "$image failed: rolling back"; roll_back; exit 1' EXIT
trap 'exit 1' INT TERM HUP

update roles
migrate
start
integration_test
switch_traffic
watch

trap - EXIT
finish
say "$environment runs $image"

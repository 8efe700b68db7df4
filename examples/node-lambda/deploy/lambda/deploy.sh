#!/usr/bin/env bash
# Deploys an image to an environment: migrates the database, publishes a version, tests it, gives it the traffic and watches the alarms. If a step fails, it rolls back.
# WATCH_SECONDS says how long the alarms are watched: 300 in production, 60 in staging.
# Usage: deploy/lambda/deploy.sh staging|production REPOSITORY@DIGEST
set -euo pipefail
# shellcheck source=deploy/lambda/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=deploy/lambda/strategy.sh
source "$here/strategy.sh"
# shellcheck source=deploy/lambda/migrate.sh
source "$here/migrate.sh"

[[ $# == 2 ]] || usage
choose_environment "$1"
choose_image "$2"
[[ $environment == production ]] && : "${WATCH_SECONDS:=300}"
: "${WATCH_SECONDS:=60}"
as_stack_role

# alarms: those that fire, one a line; fails where one of them does not exist, for then nobody would be watching.
alarms() {
  local names=("$service-$environment"-{5xx,latency,crashes,throttles,errors}) found
  found=$(aws cloudwatch describe-alarms --alarm-names "${names[@]}" --query 'MetricAlarms[].[AlarmName, StateValue]' --output text) || return 1
  [[ $(wc -l <<<"$found") == 5 ]] || { say "not all of ${names[*]} exist: run deploy/lambda/setup.sh $environment"; return 1; }
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

settle function
before=$(running)
before_version=$(version_of live)
fired=$(alarms)
[[ -z $fired ]] || say "ignoring alarms already in ALARM: $fired"

# A job that is cancelled may not come to this: recover.sh does the same.
mark_deployment "$before" "$before_version" "$image"
trap 'say "$image failed: rolling back"; roll_back; exit 1' EXIT
trap 'exit 1' INT TERM HUP

migrate
start
integration_test
switch_traffic
watch

trap - EXIT
finish
say "$environment runs $image"

#!/usr/bin/env bash
# Brings an image to an environment: updates its stacks, tests the new version, watches the alarms. What fails goes back to the image before.
# Usage: deploy/ecs/deploy.sh ENVIRONMENT REPOSITORY@DIGEST
# WATCH_SECONDS says how long the alarms are watched: 300 in production, 60 in staging.
set -euo pipefail

[[ $# == 2 ]] || { sed -n '3s/^# //p' "$0" >&2; exit 2; }
# shellcheck source=deploy/ecs/rollout.sh
source "$(dirname "$0")/rollout.sh"
choose "$1"
choose_image "$2"
[[ $environment == production ]] && : "${WATCH_SECONDS:=300}"
: "${WATCH_SECONDS:=60}"
as_stack_role

# alarms: those that fire, one a line; fails where one of them does not exist, for then nobody would be watching.
alarms() {
  local names=("$service-$environment"-{5xx,latency,unhealthy,cpu,memory}) found
  found=$(aws cloudwatch describe-alarms --alarm-names "${names[@]}" --query 'MetricAlarms[].[AlarmName, StateValue]' --output text) || return 1
  [[ $(wc -l <<<"$found") == 5 ]] || { echo "$program: not all of ${names[*]} exist: run deploy/ecs/setup.sh $environment" >&2; return 1; }
  awk '$2 == "ALARM" { print $1 }' <<<"$found" | sort
}

# watch: fails when an alarm fires that did not before.
watch() {
  local end=$((SECONDS + WATCH_SECONDS)) now new
  while now=$(alarms); do
    new=$(comm -13 <(echo "$fired") <(echo "$now"))
    [[ -z $new ]] || { echo "$program: $new fires" >&2; return 1; }
    ((SECONDS < end)) || return 0
    sleep "$POLL_SECONDS"
  done
  return 1
}

settle roles
settle service
before=$(running)
fired=$(alarms)
[[ -z $fired ]] || echo "$program: does not look at what fires already: $fired"

update roles || fail "the roles are not up to date; the service was not touched"
if roll_out "$image" true && watch; then
  echo "$program: $environment runs $image"
  exit
fi

[[ -n $before ]] || fail "$image failed, and $environment had no image before: there is nothing to go back to"
[[ $before != "$image" ]] || fail "$image failed, and is what $environment ran before: go back by hand, with deploy/ecs/rollback.sh"
settle service
if [[ $(running) != "$before" ]]; then
  roll_out "$before" false || fail "$image failed, and so did going back to $before: see the events of the stack $service-$environment-service"
fi
fail "$image failed; $environment runs $before again"

#!/usr/bin/env bash
# Sets up what outlives every version: the pipeline's roles, the load balancer, the alarms. By hand, by somebody who may make roles;
# again whenever one of them, or a parameter, has changed.
# Usage: deploy/ecs/setup.sh ENVIRONMENT
set -euo pipefail

[[ $# == 1 ]] || { sed -n '4s/^# //p' "$0" >&2; exit 2; }
# shellcheck source=deploy/ecs/stack.sh
source "$(dirname "$0")/stack.sh"
choose "$1"

for stack in bootstrap load-balancer alarms; do
  settle "$stack"
  update "$stack" || fail "$stack is not up to date, and what comes after it was not tried"
done

echo "setup: let $host point to $(ask load-balancer "Outputs[?OutputKey=='Address'] | [0].OutputValue")"
echo "setup: subscribe to $(ask alarms "Outputs[?OutputKey=='TopicArn'] | [0].OutputValue") to be told of alarms"

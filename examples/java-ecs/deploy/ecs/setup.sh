#!/usr/bin/env bash
# Sets up what outlives every version: the pipeline's roles, the load balancer, the alarms. By hand, by someone who can create IAM roles;
# again whenever one of them, or a parameter, has changed.
# Usage: deploy/ecs/setup.sh staging|production
set -euo pipefail
# shellcheck source=deploy/ecs/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 1 ]] || usage
choose_environment "$1"
check_account

for stack in bootstrap load-balancer alarms; do
  settle "$stack"
  update "$stack" || fail "$stack is not up to date, and what comes after it was not tried"
done

echo "setup: point $host to $(ask load-balancer "Outputs[?OutputKey=='Address'] | [0].OutputValue")"
echo "setup: subscribe to $(ask alarms "Outputs[?OutputKey=='TopicArn'] | [0].OutputValue") to be notified of alarms"

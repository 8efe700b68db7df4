#!/usr/bin/env bash
# Sets up what outlives every version: the roles, the HTTP API with its host name, the alarms. By hand, by someone who can create IAM roles;
# again whenever one of them, or a parameter, has changed.
# Usage: deploy/lambda/setup.sh staging|production
set -euo pipefail
# shellcheck source=deploy/lambda/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 1 ]] || usage
choose_environment "$1"
check_account

for stack in bootstrap entry alarms; do
  settle "$stack"
  update "$stack" || fail "$stack is not up to date, and what comes after it was not tried"
done

echo "setup: point $host to $(ask entry "Outputs[?OutputKey=='Address'] | [0].OutputValue")"
echo "setup: subscribe to $(ask alarms "Outputs[?OutputKey=='TopicArn'] | [0].OutputValue") to be notified of alarms"

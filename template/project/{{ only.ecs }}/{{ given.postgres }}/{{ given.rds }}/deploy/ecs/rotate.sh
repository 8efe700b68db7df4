#!/usr/bin/env bash
# Gives the roles of the service and of the database's owner new passwords, and the service new tasks, which know them. By hand, by someone
# who may do what setup.sh does. Until they have replaced the old tasks, those work on with the connections that they have.
# If it fails on its way, run it again.
# Usage: deploy/ecs/rotate.sh staging|production
set -euo pipefail
# shellcheck source=deploy/ecs/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=deploy/ecs/database.sh
source "$here/database.sh"

[[ $# == 1 ]] || usage
choose_environment "$1"
check_account

# new_password OUTPUT ROLE: puts one into the secret that the stack `database` names; no argument and no environment shows it.
new_password() {
  local secret
  secret=$(ask database "Outputs[?OutputKey=='$1'] | [0].OutputValue")
  [[ -n $secret ]] || fail "there is no stack $service-$environment-database: run deploy/ecs/setup.sh $environment"
  aws secretsmanager get-random-password --password-length 48 --exclude-punctuation --output json |
    jq --arg role "$2" '{username: $role, password: .RandomPassword}' |
    aws secretsmanager put-secret-value --secret-id "$secret" --secret-string file:///dev/stdin --output text >/dev/null
}

new_password SecretArn app
new_password OwnerSecretArn owner
make_roles || fail "the database has not got the new passwords, and no new task can connect: run this again"
"$here/restart.sh" "$environment"

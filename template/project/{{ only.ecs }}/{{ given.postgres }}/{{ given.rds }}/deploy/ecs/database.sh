# shellcheck shell=bash disable=SC2154 # what is named after the environment is lib.sh's
# The database on RDS: how it is protected, and how its roles are made.
# shellcheck source=deploy/ecs/task.sh
source "$here/task.sh"

# protect_database: no later update of its stack may replace or delete the database, whatever is changed in the template.
protect_database() {
  aws cloudformation set-stack-policy --stack-name "$service-$environment-database" --stack-policy-body '{"Statement": [
    {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"},
    {"Effect": "Deny", "Action": ["Update:Replace", "Update:Delete"], "Principal": "*", "Resource": "LogicalResourceId/Database"}]}'
}

# make_roles: runs deploy/database/roles.sh beside the database. It sets the passwords of its roles to those of their secrets.
make_roles() {
  local secret task script
  secret=$(aws rds describe-db-instances --db-instance-identifier "$service-$environment" \
    --query 'DBInstances[0].MasterUserSecret.SecretArn' --output text) || return 1
  settle database-roles
  update database-roles "AdministratorSecretArn=$secret" || return 1
  script=$(jq --null-input --rawfile script "$here/../database/roles.sh" \
    '{containerOverrides: [{name: "database-roles", command: [$script]}]}') || return 1
  task=$(start_task database-roles "the task that makes the roles" --overrides "$script") || return 1
  say "making the roles in the database: task ${task##*/}"
  await_task database-roles "the task that makes the roles" "$task"
}

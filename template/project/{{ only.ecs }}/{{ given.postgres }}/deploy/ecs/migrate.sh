# shellcheck shell=bash disable=SC2154 # image and what is named after the environment are lib.sh's
# Migrations: one task of the new image, as the database's owner. It must end well before the service is updated.

migration= # the task, while it runs

# migrate: runs those of $image that the database lacks. A rollback runs none: an earlier version has none that are missing.
migrate() {
  local cluster=$service-$environment-migrate said task why code reason
  settle migrate
  update migrate "Image=$image" || return 1
  said=$(aws ecs run-task --cluster "$cluster" --launch-type FARGATE \
    --task-definition "$(ask migrate "Outputs[?OutputKey=='TaskDefinition'] | [0].OutputValue")" \
    --network-configuration "$(ask migrate "Outputs[?OutputKey=='Network'] | [0].OutputValue")" \
    --query '[tasks[0].taskArn, failures[0].reason]' --output text) || return 1
  IFS=$'\t' read -r task why <<<"$said"
  [[ $task != None ]] || { say "the migration did not start: $why"; return 1; }
  migration=$task
  echo "$migration" >&8 # for recover.sh
  say "migrating the database: task ${task##*/}"
  aws ecs wait tasks-stopped --cluster "$cluster" --tasks "$task" || { say "the migration has not ended within ten minutes"; return 1; }
  said=$(aws ecs describe-tasks --cluster "$cluster" --tasks "$task" --query 'tasks[0].[containers[0].exitCode, stoppedReason]' --output text) || return 1
  migration=
  IFS=$'\t' read -r code reason <<<"$said"
  [[ $code != 0 ]] || return 0
  say "the migration failed ($reason); the end of its log:"
  aws logs get-log-events --log-group-name "/ecs/$cluster" --log-stream-name "migrate/migrate/${task##*/}" \
    --limit 20 --query 'events[].[message]' --output text >&2 || true
  return 1
}

# stop_migration: ends one that still runs; PostgreSQL undoes what it had begun in a transaction.
stop_migration() {
  [[ -z $migration ]] || aws ecs stop-task --cluster "$service-$environment-migrate" --task "$migration" \
    --reason "the deployment was rolled back" --output text >/dev/null
}

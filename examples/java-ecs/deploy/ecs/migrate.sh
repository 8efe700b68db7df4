# shellcheck shell=bash disable=SC2154 # image and what is named after the environment are lib.sh's
# Migrations: one task of the new image, as the database's owner. It must succeed before the new version starts.
# shellcheck source=deploy/ecs/task.sh
source "$here/task.sh"

migration= # the task, while it runs

# migrate: runs those of $image that the database lacks. A rollback runs none: an earlier version has none that are missing.
migrate() {
  local code=0
  settle migrate
  update migrate "Image=$image" || return 1
  migration=$(start_task migrate 'the migration') || return 1
  echo "$migration" >&8 # for recover.sh
  say "migrating the database: task ${migration##*/}"
  await_task migrate 'the migration' "$migration" || code=$?
  [[ $code == 2 ]] || migration=
  return "$code"
}

# stop_migration: ends one that still runs; PostgreSQL undoes what it had begun in a transaction.
stop_migration() {
  [[ -z $migration ]] || aws ecs stop-task --cluster "$service-$environment-migrate" --task "$migration" \
    --reason "the deployment was rolled back" --output text >/dev/null
}

# shellcheck shell=bash disable=SC2034,SC2154 # image and migrating are release.sh's
# On the host, for release.sh: the migrations of the new version. They run to their end before it starts.

migrating= # set while there is a container of theirs

# migrate: fails where they do. MIGRATE=no leaves them out, as a rollback does: an earlier version has none that are missing.
migrate() {
  [[ ${MIGRATE:-yes} == yes ]] || return 0
  local end=$((SECONDS + 600)) container code
  say "migrating the database"
  migrating=yes
  MIGRATE_DIGEST=${image#*@} compose --profile migrate up --detach --no-deps --force-recreate --pull never migrate ||
    fail "the migration did not start: see above"
  container=$(compose --profile migrate ps --all --quiet migrate)
  until code=$(timeout 1 docker wait "$container"); do
    ((SECONDS < end)) || fail "the migration did not end within ten minutes"
    # Nobody sends a step before this one is done; but where the input ends, the deployment was cancelled.
    read -r -t 0.1 || (($? > 128)) || fail "the deployment was cancelled while the database was migrated"
  done
  if [[ $code != 0 ]]; then
    say "the end of the log of the migration:"
    compose --profile migrate logs --no-log-prefix --tail 20 migrate >&2 || true
    fail "the migration failed, and the new version was not started"
  fi
  stop_migration
}

# stop_migration: ends it if it still runs, and removes its container. PostgreSQL undoes what it had begun in a transaction.
stop_migration() {
  compose --profile migrate rm --stop --force migrate >/dev/null 2>&1 || true
  migrating=
}

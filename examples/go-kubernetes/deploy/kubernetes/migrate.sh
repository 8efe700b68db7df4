# shellcheck shell=bash disable=SC2154 # name, environment and digest are lib.sh's
# Migrations: a Job of the new image, as the database's owner. It must end well before the new version starts.

job= # of this deployment

# migrate: fails where they do. MIGRATE=no leaves them out, as a rollback does: an earlier version has none that are missing.
migrate() {
  [[ ${MIGRATE:-yes} == yes ]] || return 0
  job=$name-migrate-${digest:7:7}-$(printf %04x "$RANDOM") # a Job can't be changed, and two may run at once
  say "migrating the database: job/$job"
  manifests "patches: [{target: {kind: Job}, options: {allowNameChange: true}, patch: '[{\"op\": \"replace\", \"path\": \"/metadata/name\", \"value\": \"$job\"}]'}]" |
    kube apply --selector app.kubernetes.io/component=migrate --filename - >&2
  migrated "$job" || fail "the migration failed, and the new version was not started"
}

# migrated JOB: waits until it has ended; says why where it did not end well.
migrated() {
  local ended warning told='' outcome='has not ended in time' end=$((SECONDS + ${MIGRATE_SECONDS:-600}))
  while ((SECONDS < end)); do
    ended=$(kube get job "$1" --output 'jsonpath={.status.conditions[?(@.status=="True")].type}') || return 1
    [[ $ended != *Complete* ]] || return 0
    [[ $ended != *Failed* ]] || { outcome='has failed'; break; }
    # A Secret that is missing may yet be made, and a node may come: said at once, and waited for.
    warning=$(warnings "$1-" | tail -n 1) || true
    [[ $warning == "$told" ]] || say "$warning"
    told=$warning
    sleep 2
  done
  say "job/$1 $outcome; its pods, the last warnings, and the end of its log:"
  kube get pods --selector "job-name=$1" >&2 || true
  warnings "$1" >&2 || true
  kube logs --tail 20 "job/$1" >&2 || true
  return 1
}

# stop_migration PREFIX: ends the Jobs of this service that begin so and still run; none where it is empty. PostgreSQL undoes what it had begun in a transaction.
stop_migration() {
  [[ -n $1 ]] || return 0
  local running
  running=$(kube get jobs --selector "app.kubernetes.io/name=$name,app.kubernetes.io/component=migrate" --output json |
    jq --raw-output --arg prefix "$1" \
      '.items[] | select(all(.status.conditions[]?; .status != "True")) | .metadata.name | select(startswith($prefix))') || return 1
  # shellcheck disable=SC2086 # one word each
  [[ -z $running ]] || kube delete jobs --cascade=foreground $running >&2
}

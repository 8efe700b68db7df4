#!/usr/bin/env bash
# On the host: restores the database from a backup, completely or not at all. What was there before stays, under a name that is printed.
# With --try it only checks that the backup can be restored, and leaves the database alone.
# Usage: restore.sh [--try] FILE
set -euo pipefail
# shellcheck source=deploy/compose/lib.sh
source "$(dirname "$0")/lib.sh"

try=no
if [[ ${1:-} == --try ]]; then try=yes; shift; fi
[[ $# == 1 ]] || usage
backup=$(realpath --canonicalize-missing "$1")
cd "$here"
[[ -s $backup ]] || fail "$1 is no backup: ls backups/ shows what there is"

now=$(date -u +%Y%m%d%H%M%S)
sql() { docker compose exec -T database psql --username=postgres --dbname=postgres --quiet --set=ON_ERROR_STOP=1; }

sql <<<"CREATE DATABASE restored_$now OWNER owner TEMPLATE template0"
if ! docker compose exec -T database pg_restore --username=postgres --dbname="restored_$now" --exit-on-error <"$backup"; then
  sql <<<"DROP DATABASE restored_$now"
  fail "the backup can't be restored: see above; the database is as it was"
fi
if [[ $try == yes ]]; then
  sql <<<"DROP DATABASE restored_$now"
  echo "restore: the backup can be restored"
  exit
fi

# What a dump does not have: who may connect.
sql <<<"REVOKE ALL ON DATABASE restored_$now FROM PUBLIC; GRANT CONNECT ON DATABASE restored_$now TO app"

# The service loses its connections, and makes new ones to what was restored.
sql <<SQL
ALTER DATABASE app ALLOW_CONNECTIONS false;
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = 'app' \g /dev/null
BEGIN;
ALTER DATABASE app RENAME TO before_$now;
ALTER DATABASE restored_$now RENAME TO app;
COMMIT;
SQL
echo "restore: done; what was there before is the database before_$now: drop it when you no longer need it"

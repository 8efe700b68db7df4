#!/usr/bin/env bash
# In a backup's pod, first: dumps the database into /dump/app.dump, and fails where what came is not whole. The next step starts only where this went well.
set -euo pipefail

PGPASSWORD=$(</run/secrets/database/password)
export PGPASSWORD
pg_dump --dbname="$(</run/secrets/database/url)" --no-password --format=custom --lock-wait-timeout=10min --file=/dump/app.dump
# Read to its end: the list of what is in it stands at its beginning, so one that was cut off has that, too.
pg_restore --file=/dev/null /dump/app.dump
tables=$(pg_restore --list /dump/app.dump | grep --count ' TABLE DATA ') || { echo "dump: there is no table in the database" >&2; exit 1; }
echo "dump: $tables tables in $(stat --format=%s /dump/app.dump) bytes"

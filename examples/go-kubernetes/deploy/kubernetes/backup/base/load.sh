#!/usr/bin/env bash
# In a restore's pod, after fetch.sh: restores /dump/app.dump into an empty database, completely or not at all, and compares the rows of each table with the dump's.
set -euo pipefail

PGPASSWORD=$(</run/secrets/database/password)
export PGPASSWORD LC_ALL=C
url=$(</run/secrets/database/url)
sql() { psql --no-psqlrc --no-password --quiet --tuples-only --no-align --field-separator=' ' --set=ON_ERROR_STOP=1 --dbname="$url"; }
tables="FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'r' AND nspname NOT IN ('pg_catalog', 'information_schema')
  AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e')"

[[ $(sql <<<"SELECT count(*) $tables") == 0 ]] || { echo "load: the database has tables: restore into an empty one" >&2; exit 1; }
# The owner is whom the Secret names; what others may do comes from the dump.
pg_restore --dbname="$url" --no-password --exit-on-error --single-transaction --no-owner /dump/app.dump

pg_restore --data-only --file=- /dump/app.dump |
  awk '
    !inside && sub(/^COPY /, "") { sub(/ \(.*\) FROM stdin;$/, ""); table = $0; rows = 0; inside = 1; next }
    inside && /^\\\.$/ { print table, rows; inside = 0 }
    inside { rows++ }' |
  sort >/tmp/dumped
sql <<<"SELECT format('SELECT %L, count(*) FROM %1\$s', format('%I.%I', nspname, relname)) $tables \gexec" | sort >/tmp/restored
cat /tmp/restored
diff /tmp/dumped /tmp/restored >&2 || { echo "load: the rows are not those of the dump" >&2; exit 1; }
echo "load: restored, $(wc -l </tmp/restored) tables with the rows of the dump"

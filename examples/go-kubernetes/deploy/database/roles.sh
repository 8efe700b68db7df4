#!/usr/bin/env bash
# Makes the database and its two roles: OWNER owns the schema and migrates it; USER, as which the service connects, reads and writes rows,
# and can't change a table. Running it again does no harm, and sets the passwords again.
#
# The postgres image runs it when it sets up a new volume. For a managed PostgreSQL run it once, as the administrator whom its provider
# gave you (who need be no superuser), from where psql reaches the server:
#
#   PGHOST=… PGUSER=… PGPASSWORD=… PGSSLMODE=require DATABASE_OWNER_PASSWORD_FILE=… DATABASE_PASSWORD_FILE=… deploy/database/roles.sh
#
# Roles belong to a whole server: where several services share one, give each names of its own.
# Usage: roles.sh [DATABASE OWNER USER]     without names: app owner app
set -euo pipefail

[[ $# == 0 || $# == 3 ]] || { sed -n 's/^# \(Usage: .*\)/\1/p' "$0" >&2; exit 2; }
export DATABASE_OWNER_PASSWORD_FILE=${DATABASE_OWNER_PASSWORD_FILE:-/run/secrets/database_owner_password}
export DATABASE_PASSWORD_FILE=${DATABASE_PASSWORD_FILE:-/run/secrets/database_password}
for file in "$DATABASE_OWNER_PASSWORD_FILE" "$DATABASE_PASSWORD_FILE"; do
  [[ -s $file && -r $file ]] || { echo "roles: $file is empty, or can't be read" >&2; exit 1; }
done

run() { psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set database="$1" --set owner="$2" --set user="$3" --dbname "${4:-postgres}"; }
names=("${1:-app}" "${2:-owner}" "${3:-app}")

# psql reads the passwords itself: no argument and no environment shows them.
run "${names[@]}" <<'SQL'
\set owner_password `cat "$DATABASE_OWNER_PASSWORD_FILE"`
\set user_password `cat "$DATABASE_PASSWORD_FILE"`
SELECT format('CREATE ROLE %I', name)
  FROM unnest(ARRAY[:'owner', :'user']) AS name
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
ALTER ROLE :"owner" LOGIN PASSWORD :'owner_password';
ALTER ROLE :"user" LOGIN PASSWORD :'user_password';
-- How long a statement of the service may take. Set for the role: poolers (RDS Proxy, PgBouncer) refuse it as a parameter of a connection.
ALTER ROLE :"user" SET statement_timeout = '10s';

-- Without superuser rights, one must be a member of a role to make it an owner. Revoked below.
GRANT :"owner" TO CURRENT_USER;
SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING %L', :'database', :'owner', 'UTF8')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
SQL

run "${names[@]}" "${names[0]}" <<'SQL'
SET ROLE :"owner";
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO :"user";
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO :"user";
-- What the owner makes from now on: each table is the user's to read and write.
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"user";
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO :"user";
RESET ROLE;
REVOKE :"owner" FROM CURRENT_USER;
SQL

# In the image's container the superuser keeps no password: it is reached from inside alone, by the socket.
if [[ $0 == /docker-entrypoint-initdb.d/* ]]; then
  psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --dbname postgres --command 'ALTER ROLE CURRENT_USER PASSWORD NULL'
fi

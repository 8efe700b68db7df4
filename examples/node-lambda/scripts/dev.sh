#!/usr/bin/env bash
# Starts the service on this machine, outside of a container, and its database in one. Ctrl-C ends the service; `make down` stops the database.
# Its settings are those that it has in its container: of docker-compose.yml, compose.override.yml and .env. A variable that is set already wins.
# Usage: scripts/dev.sh COMMAND...
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# -gt 0 ]] || usage
type -P "$1" >/dev/null || fail "there is no $1 on this machine: README.md says what the service needs outside of a container"
files=${COMPOSE_FILE:-docker-compose.yml}
[[ -n ${COMPOSE_FILE:-} || ! -e compose.override.yml ]] || files+=:compose.override.yml
export COMPOSE_FILE=$files:compose.dev.yml

settings=$(docker compose config --format json | jq --raw-output '.services.app.environment | to_entries[] | select(.value != null)
  | "[[ -v \(.key) ]] || export \(.key)=\(.value | gsub("[$][$]"; "$") | @sh)"')
docker compose stop app # which would have the port
docker compose up --detach --wait database
docker compose build app
start=$(date -u +%Y-%m-%dT%H:%M:%SZ)
if ! docker compose run --rm migrate; then
  check_passwords "$start"
  fail "the migration failed, so the service was not started: its log is above"
fi
address=$(docker compose port database 5432)
export DATABASE_URL="postgresql://app@$address/app" DATABASE_PASSWORD_FILE=$PWD/.secrets/database_password
eval "$settings"
[[ -z ${HOST_PORT:-} ]] || export PORT=$HOST_PORT # as for `make up`
exec "$@"

#!/usr/bin/env bash
# Starts the service on this machine, outside of a container. Ctrl-C ends it.
# Its settings are those that it has in its container: of docker-compose.yml, compose.override.yml and .env. A variable that is set already wins.
# Usage: scripts/dev.sh COMMAND...
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# -gt 0 ]] || usage
type -P "$1" >/dev/null || fail "there is no $1 on this machine: README.md says what the service needs outside of a container"

settings=$(docker compose config --format json | jq --raw-output '.services.app.environment | to_entries[] | select(.value != null)
  | "[[ -v \(.key) ]] || export \(.key)=\(.value | gsub("[$][$]"; "$") | @sh)"')
docker compose stop app # which would have the port
eval "$settings"
[[ -z ${HOST_PORT:-} ]] || export PORT=$HOST_PORT # as for `make up`
exec "$@"

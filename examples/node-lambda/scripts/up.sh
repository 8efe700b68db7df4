#!/usr/bin/env bash
# Builds and starts the development stack, and prints where it answers; where it does not become ready, says what to do.
# Usage: scripts/up.sh PORT
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 1 ]] || usage

start=$(date -u +%Y-%m-%dT%H:%M:%SZ)
if ! docker compose up --build --detach --wait; then
  check_passwords "$start"
  code=$(docker compose ps --all --format '{{.ExitCode}}' migrate)
  if [[ ${code:-0} != 0 ]]; then
    docker compose logs --no-log-prefix --since "$start" migrate >&2
    fail "the migration failed, so the service was not started: its log is above"
  fi
  fail "the stack does not start: docker compose ps --all and docker compose logs say why"
fi

address=$(docker compose port app "$1") || fail "the service publishes no port $1: docker compose ps says what runs"
for _ in {1..30}; do
  if answer=$(curl --silent --max-time 5 --write-out '%{http_code}' "http://$address/readyz") && [[ $answer == *200 ]]; then
    echo "http://$address"
    exit
  fi
  check_passwords "$start"
  sleep 1
done
fail "http://$address/readyz says: ${answer:-nothing}; docker compose logs says why"

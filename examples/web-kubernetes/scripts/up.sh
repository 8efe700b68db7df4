#!/usr/bin/env bash
# Builds and starts the development stack, and prints where it answers; where it does not become ready, says what to do.
# Usage: scripts/up.sh PORT
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 1 ]] || usage

docker compose up --build --detach --wait || fail "the service does not start: docker compose logs says why"

address=$(docker compose port app "$1") || fail "the service publishes no port $1: docker compose ps says what runs"
for _ in {1..30}; do
  if answer=$(curl --silent --max-time 5 --write-out '%{http_code}' "http://$address/readyz") && [[ $answer == *200 ]]; then
    echo "http://$address"
    exit
  fi
  sleep 1
done
fail "http://$address/readyz says: ${answer:-nothing}; docker compose logs says why"

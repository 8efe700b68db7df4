#!/usr/bin/env bash
# Waits until the development stack is ready, and prints where it answers; where it does not become so, says what to do.
# Usage: scripts/ready.sh PORT
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 1 ]] || usage

address=$(docker compose port app "$1") || fail "the service publishes no port $1: docker compose ps says what runs"
for _ in {1..30}; do
  if answer=$(curl --silent --max-time 5 --write-out '%{http_code}' "http://$address/readyz") && [[ $answer == *200 ]]; then
    echo "http://$address"
    exit
  fi
  [[ $(docker compose logs --no-log-prefix --since 1m database) != *'password authentication failed'* ]] ||
    fail "the database's volume was made with another password than .secrets/database_password: put that one back," \
      "or delete the data with docker compose down --volumes, and run make up again"
  sleep 1
done
fail "http://$address/readyz says: ${answer:-nothing}; docker compose logs says why"

#!/usr/bin/env bash
# Tries the page in Chromium, on the stack that `make up` has started; the back end that it shows must run too.
# CHROMIUM takes one that is installed already; without it Playwright fetches its own, once.
# Usage: scripts/test-e2e.sh
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 0 ]] || usage
type -P npx >/dev/null || fail "there is no Node.js on this machine: README.md says what the page needs outside of a container"
address=$(docker compose port app 8080) || fail "nothing runs: make up starts it"
curl --silent --fail --max-time 5 "http://$address/api/items" >/dev/null ||
  fail "http://$address/api/items does not answer: is BACKEND_URL in .env, and does the back end run?"
[[ -d node_modules/@playwright ]] || npm ci --no-audit --no-fund
[[ -n ${CHROMIUM:-} ]] || npx playwright install chromium
BASE_URL=http://$address npx playwright test

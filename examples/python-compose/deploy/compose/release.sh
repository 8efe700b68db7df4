#!/usr/bin/env bash
# On the host: deploys an image beside the live one. It reads a step a line, and answers `ok` to each; you can type them, too:
#   start [CONFIG]  the database is migrated; then the image becomes healthy and ready in the idle slot, and answers on 127.0.0.1:9181.
#                   CONFIG is Docker's, to pull with
#   switch_traffic  requests from outside go to it
#   finish          the old one is stopped
# If a step fails, or the input ends before `finish`, it rolls back. If it is killed, the next deployment does so, or --recover.
# Usage: release.sh REPOSITORY@DIGEST|--recover
set -euo pipefail
# shellcheck source=deploy/compose/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=deploy/compose/stack.sh
source "$here/stack.sh"
# shellcheck source=deploy/compose/checks.sh
source "$here/checks.sh"
# shellcheck source=deploy/compose/migrate.sh
source "$here/migrate.sh"

[[ $# == 1 ]] || usage
[[ $1 == --recover ]] || choose_image "$1"
umask 022 # the containers' users read some of what is written here
mkdir -p "$HOME/$name"
cd -P "$HOME/$name"

start() { # CONFIG
  same_site
  enough_room
  take_files
  write_settings
  [[ ! -f slots/rollback-to ]] || roll_back # a deployment was killed
  start_what_stays
  pull "$1"
  migrate
  local slot
  slot=$(other "$(pointed live)")
  point rollback-to "$(pointed live)"
  echo "${image#*@}" >"slots/$slot"
  write_settings
  point next "$slot"
  say "starting $image in the slot $slot"
  compose up --detach --no-deps --force-recreate --pull never --wait --wait-timeout 120 "$slot" || fail "the new version did not become healthy"
  for _ in {1..10}; do
    ! compose exec -T proxy wget -q -T 5 -O /dev/null http://127.0.0.1:9181/readyz 2>/dev/null || return 0
    sleep 1
  done
  fail "the new version is not ready: something that it needs does not answer"
}

switch_traffic() {
  [[ -f slots/rollback-to ]] || fail "start a version first"
  point live "$(pointed next)"
  say "$image has the traffic"
}

finish() {
  local old
  [[ -f slots/rollback-to && $(pointed live) == "$(pointed next)" ]] || fail "switch the traffic first"
  shows "$(pointed live)" '"Status": "healthy"' || fail "the new version did not stay healthy"
  shows "$(pointed live)" '"RestartCount": 0,' || fail "the new version was restarted"
  old=$(pointed rollback-to)
  echo "$(date -u +%FT%TZ) ${image#*@}" >>history || fail "history can't be written: see above"
  rm slots/rollback-to slots/next
  [[ -z $old ]] || empty "$old"
  ./prune.sh || true
  say "live is $image"
}

roll_back() {
  local good failed
  good=$(pointed rollback-to) failed=$(other "$(pointed rollback-to)")
  if [[ -n $good ]]; then point live "$good"; else rm -f slots/live; fi
  say "rolling back; the end of the log of $(pointed "$failed"):"
  compose logs --no-log-prefix --tail 20 "$failed" >&2 || true
  empty "$failed"
  ./prune.sh || true
  rm -f slots/next slots/rollback-to
}

say_what_is_live() {
  local live=nothing
  [[ ! -f slots/live ]] || live=$(pointed "$(pointed live)")
  say "live is $live, as before"
}

at_the_end() {
  local code=$?
  trap '' INT TERM HUP
  set +e
  [[ -z $migrating ]] || { stop_migration; ./prune.sh || true; }
  if [[ -f slots/rollback-to ]]; then roll_back; code=1; fi
  ((code == 0)) || say_what_is_live
  exit "$code"
}

exec 9>lock
if [[ $1 == --recover ]]; then
  # A deployment that has lost its connection rolls back by itself.
  flock --timeout 180 9 || fail "a deployment is at work here, and has not ended for three minutes"
  stop_migration # of a deployment that was killed
  if [[ -f slots/rollback-to ]]; then roll_back; else say "nothing to roll back: no deployment is unfinished"; fi
  say_what_is_live
  exit
fi
flock --nonblock 9 || refuse "another deployment is at work here: try again when it has ended"
trap at_the_end EXIT
trap 'exit 1' INT TERM HUP
trap '' PIPE # who started this may be gone: what was begun is rolled back all the same

while read -r step config; do
  [[ $step =~ ^(start|switch_traffic|finish)$ ]] || fail "there is no step '$step': use start, switch_traffic or finish"
  "$step" "$config"
  echo ok
done

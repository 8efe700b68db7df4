#!/usr/bin/env bash
# On the host: copies of the backups in another place, by restic, which encrypts them. secrets/offsite says where: deploy/README.md has its form.
#   init         makes the place ready; once
#   put FILE     copies a backup there, and deletes those that are too old; backup.sh calls it
#   list         shows what is there
#   get [ID]     brings one back, the newest unless told else, and prints the file for restore.sh
#   try          brings the newest back, restores it beside the database and throws it away; systemd runs it each week
# Usage: offsite.sh init | put FILE | list | get [ID] | try
set -euo pipefail
# shellcheck source=deploy/compose/lib.sh
source "$(dirname "$0")/lib.sh"

case "$#${1:-}" in 1init | 2put | 1list | 1get | 2get | 1try) ;; *) usage ;; esac
step=$1
[[ $step != put ]] || file=$(realpath --canonicalize-missing "$2")
cd "$here"
umask 077

# Only these names are read, each value literally: the file is not run as a script.
[[ -s secrets/offsite ]] || fail "secrets/offsite is not there: see \"Copies elsewhere\" in deploy/README.md"
line=0
while IFS='=' read -r key value || [[ -n $key ]]; do
  line=$((line + 1))
  case $key in
    RESTIC_REPOSITORY | RESTIC_PASSWORD | AWS_ACCESS_KEY_ID | AWS_SECRET_ACCESS_KEY | AWS_DEFAULT_REGION) export "$key=$value" ;;
    '' | \#*) ;;
    *) fail "line $line of secrets/offsite is none of those in deploy/README.md" ;;
  esac
done <secrets/offsite

# Without a cache, which would grow on this disk; by the service's name, for a new host has another one.
restic() { command restic --quiet --no-cache "$@"; }
of_service=(--host "$name" --path /app.dump)

# One at a time. A run that was killed, or a host that is gone, has left a lock of restic: `unlock` removes it once it is stale.
exec 9>>lock.offsite
flock --wait 3600 9 || fail "another copy has been at work for an hour"
[[ $step == init ]] || restic unlock || fail "$RESTIC_REPOSITORY does not answer, or is not ready: see above"

# newest: the time of the newest copy, in seconds; nothing where there is none.
newest() {
  local time
  time=$(restic snapshots --json --latest 1 "${of_service[@]}" | grep -o '"time":"[^"]*"' | tail -n 1 | cut -d '"' -f 4) || return 0
  date --date "$time" +%s
}

get() { # ID: prints the file
  local file=backups/offsite-$1.dump
  restic dump "${of_service[@]}" "$1" /app.dump >"$file.part" || { rm -f "$file.part"; fail "the copy $1 can't be brought back: see above"; }
  mv "$file.part" "$file"
  echo "$file"
}

case $step in
  init) restic init ;;
  put)
    [[ -s $file ]] || fail "$file is no backup"
    # Always under one name: what is kept is counted by name.
    restic backup --host "$name" --stdin --stdin-filename app.dump <"$file" || fail "$file was not copied: see above"
    restic forget "${of_service[@]}" --keep-daily 14 --keep-weekly 8 --keep-monthly 12 --prune || fail "old copies were not deleted: see above"
    ;;
  list) command restic --no-cache snapshots "${of_service[@]}" ;;
  get) get "${2:-latest}" ;;
  try)
    time=$(newest)
    [[ -n $time ]] || fail "there is no copy"
    (($(date +%s) - time < 172800)) || fail "the newest copy is of $(date --date "@$time"): see why none was made since"
    file=$(get latest)
    trap 'rm -f "$file"' EXIT
    ./restore.sh --try "$file"
    restic check --read-data-subset 5% || fail "what is there is damaged: see above"
    ;;
esac

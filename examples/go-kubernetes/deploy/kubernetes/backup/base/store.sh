#!/bin/sh
# In a backup's pod, after dump.sh: restic encrypts the dump, stores it, and deletes those that are too old, which it finds by the service's name.
# The Secret orders-backup says where. It initialises no repository: in a wrong bucket, it would otherwise begin a new one, and nobody would notice.
set -eu

restic() { command restic --quiet --no-cache "$@"; }

restic unlock # what was killed has left a lock, which counts as stale after half an hour
# Always under one name: what is kept is counted by name.
restic backup --host orders --stdin --stdin-filename app.dump </dump/app.dump
restic forget --host orders --path /app.dump --keep-daily 14 --keep-weekly 8 --keep-monthly 12 --prune
command restic --no-cache snapshots --host orders --path /app.dump

#!/bin/sh
# In a restore's pod, first: brings a backup into /dump/app.dump, the newest unless SNAPSHOT names another.
set -eu

restic --no-cache snapshots --host orders --path /app.dump
restic --quiet --no-cache dump --host orders --path /app.dump "$SNAPSHOT" /app.dump >/dump/app.dump

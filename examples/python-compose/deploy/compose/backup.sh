#!/usr/bin/env bash
# On the host: writes the database into backups/, beside this script, and deletes backups that are older than so many days.
# Usage: backup.sh [DAYS]     14 where none are named
set -euo pipefail

[[ $# -le 1 && ${1:-14} =~ ^[1-9][0-9]*$ ]] || { sed -n '3s/^# //p' "$0" >&2; exit 2; }
days=${1:-14}
cd "$(dirname "$0")"
# shellcheck source=deploy/compose/host.sh
source ./host.sh

umask 077
mkdir -p backups
file=backups/app-$(date -u +%Y%m%dT%H%M%SZ).dump
trap 'rm -f "$file.part"' EXIT
compose exec -T database pg_dump --username=app --format=custom app >"$file.part" || fail "the database was not written: see above"
mv "$file.part" "$file"
find backups -name 'app-*.dump*' -mtime "+$days" -delete
echo "$file"

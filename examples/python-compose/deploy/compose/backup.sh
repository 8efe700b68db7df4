#!/usr/bin/env bash
# On the host: dumps the database into backups/, beside this script, and deletes dumps that are older than DAYS: 14, unless given.
# Usage: backup.sh [DAYS]
set -euo pipefail

# shellcheck source=deploy/compose/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# -le 1 && ${1:-14} =~ ^[1-9][0-9]*$ ]] || usage
days=${1:-14}
cd "$here"

umask 077
mkdir -p backups
file=backups/app-$(date -u +%Y%m%dT%H%M%SZ).dump
trap 'rm -f "$file.part"' EXIT
compose exec -T database pg_dump --username=postgres --format=custom app >"$file.part" || fail "the database was not dumped: see above"
mv "$file.part" "$file"
find backups -name 'app-*.dump*' -mtime "+$days" -delete
echo "$file"

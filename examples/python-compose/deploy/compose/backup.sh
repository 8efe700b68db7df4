#!/usr/bin/env bash
# On the host: dumps the database into backups/, beside this script, and deletes dumps that are older than DAYS: 14, unless given.
# Where the new one is less than half as large as the largest, it deletes none and fails: data may be gone that only the old ones have.
# Where secrets/offsite says so, the new one is copied to another place as well, by offsite.sh.
# Where the disk has no room for one more, it makes none: the database needs what is left.
# Usage: backup.sh [DAYS]
set -euo pipefail
# shellcheck source=deploy/compose/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# -le 1 && ${1:-14} =~ ^[1-9][0-9]*$ ]] || usage
days=${1:-14}
cd "$here"

umask 077
mkdir -p backups
find backups -name 'app-*.part' -mmin +1440 -delete # of a run that was killed
largest=$(find backups -name 'app-*.dump' -printf '%s %p\n' | sort -n | tail -n 1)
size=${largest%% *}
short=$(short_of $((200 + ${size:-0} / 1000000))) || fail "Docker does not answer: see above"
[[ -z $short ]] || fail "$short: no backup was made, and none was deleted"
file=backups/app-$(date -u +%Y%m%dT%H%M%SZ).dump
trap 'rm -f "$file.part"' EXIT
compose exec -T database pg_dump --username=postgres --format=custom app >"$file.part" || fail "the database was not dumped: see above"
# Read to its end: the list of what is in it stands at its beginning, so one that was cut off has that, too.
docker compose exec -T database pg_restore --file=/dev/null <"$file.part" || fail "the new backup is broken, and none was deleted: see above"
sync "$file.part"
mv "$file.part" "$file"
(($(stat --format %s "$file") * 2 >= ${size:-0})) ||
  fail "$file is less than half as large as ${largest#* }: no backup was deleted. If that is right, move the larger ones away"
find backups -name 'app-*.dump*' -mtime "+$days" -delete
[[ ! -e secrets/offsite ]] || ./offsite.sh put "$file" || fail "$file is here, and nowhere else: see above"
echo "$file"

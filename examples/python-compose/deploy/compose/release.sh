#!/usr/bin/env bash
# On the host: starts a version in the idle slot, beside the live one; has it tested, gives it the traffic, and stops the other.
# Whatever goes wrong, the old version stays live. This may be killed at any point, and run again.
#
# It asks three things, a line each, and reads a line for an answer. deploy.sh answers for the pipeline; you can do so by hand.
#   credentials REGISTRY   {"auths": …} to pull with, or an empty line
#   test URL               passed, if what answers there, on this host, does as it should
#   watch                  passed, if the service is still well after a while
# Usage: release.sh REPOSITORY@DIGEST
set -euo pipefail

[[ $# == 1 && $1 =~ ^[a-z0-9./_:-]+@sha256:[0-9a-f]{64}$ ]] || { sed -n '9s/^# //p' "$0" >&2; exit 2; }
image=$1 repository=${1%@*}
name=$(basename "$repository")
files=$(realpath "$(dirname "$0")")
credentials=${XDG_RUNTIME_DIR:-/dev/shm}/$name-pull # in memory, while an image is pulled
kept=3                                             # versions that can be gone back to without a registry

umask 022 # the proxy reads some of what is written here
mkdir -p "$HOME/$name"
cd -P "$HOME/$name"
# shellcheck source=deploy/compose/host.sh
source "$files/host.sh"

ask() { # QUESTION...: sets `answer`
  echo "$*"
  IFS= read -r answer || fail "nobody answered: $1"
}

point() { # NAME SLOT: who reads slots/NAME finds the old word or the new one, never half of it
  echo "$2" >"slots/$1.new"
  mv "slots/$1.new" "slots/$1"
}

empty() { # SLOT: what it runs finishes its requests, and stops
  compose stop "$1" 2>/dev/null
  compose rm --force "$1" >/dev/null 2>&1
}

reach() { # PORT PATH: by the proxy, as from this host
  compose exec -T proxy wget -q -T 5 -O /dev/null "http://127.0.0.1:$1$2"
}

shows() { # SERVICE TEXT: whether its container's description has this
  [[ $(docker inspect "$(compose ps --all --quiet "$1")") == *"$2"* ]]
}

take_files() {
  mkdir -p proxy slots
  mkdir -p -m 700 secrets backups
  find . -maxdepth 1 -name 'incoming.*' -mmin +60 -exec rm -r {} +
  if [[ $files != "$PWD" ]]; then
    rm -f compose.override.yaml
    cp --remove-destination "$files"/* . # a script that runs keeps the file that it began with
    rm -rf "$files"
  fi
  grep -qF "image: $repository@" compose.prod.yaml || fail "compose.prod.yaml is for another image than $repository"
  if [[ ! -s secrets/database_password ]]; then
    # The container's user must read it; the folder keeps all others of this host out.
    od -An -N 24 -t x1 /dev/urandom | tr -d ' \n' >secrets/new
    mv secrets/new secrets/database_password
  fi
}

write_settings() { # for Compose, which reads .env by itself: `docker compose ps` works in this folder
  local override=compose.override.yaml
  cat >.env.new <<SETTINGS
# Made by release.sh: change settings.env instead
COMPOSE_FILE=compose.prod.yaml$([[ ! -f $override ]] || echo ":$override")
BLUE_DIGEST=$(cat slots/blue 2>/dev/null || true)
GREEN_DIGEST=$(cat slots/green 2>/dev/null || true)
$(grep ^SITE= settings.env)
SETTINGS
  mv .env.new .env
}

start_what_stays() { # the proxy and the database: a deployment starts them, but never replaces them
  if ! cmp --silent Caddyfile proxy/Caddyfile; then
    cp Caddyfile proxy/Caddyfile.new
    said=$(compose run --rm --no-deps -T proxy caddy validate --adapter caddyfile --config /etc/caddy/Caddyfile.new 2>&1) ||
      fail "the new Caddyfile was refused, and the old one is kept: $(tail -n 1 <<<"$said")"
    mv proxy/Caddyfile.new proxy/Caddyfile
  fi
  mapfile -t stays < <(compose config --services | grep -vxE 'blue|green')
  compose up --detach --no-recreate --wait "${stays[@]}"
  compose exec -T proxy caddy reload --config /etc/caddy/Caddyfile --address unix//run/caddy/admin.sock 2>/dev/null
  for service in "${stays[@]}"; do
    shows "$service" "$(compose config --hash "$service" | cut -d ' ' -f 2)" ||
      echo "release: $service is older than compose.prod.yaml: in a quiet minute, run docker compose up --detach --wait $service" >&2
  done
}

pull() {
  ask credentials "${repository%%/*}"
  if [[ -n $answer ]]; then
    mkdir -m 700 "$credentials"
    echo "$answer" >"$credentials/config.json"
    docker --config "$credentials" pull --quiet "$image" >/dev/null
    rm -r "$credentials"
  else
    docker pull --quiet "$image" >/dev/null
  fi
}

prune() { # the last few versions stay, and what compose.prod.yaml names besides
  local keep other digest
  keep=$(tac history 2>/dev/null | awk -v kept=$kept '!seen[$2]++ && n++ < kept { print $2 }'
    compose config --images | grep -v "^$repository@")
  for other in $(compose config --images | sed 's/@.*//; s/:[^/:]*$//' | sort -u); do
    for digest in $(docker image ls --digests --format json "$other" | grep -o 'sha256:[0-9a-f]\{64\}' | sort -u); do
      [[ $keep == *"$digest"* ]] || docker image rm "$other@$digest" >/dev/null 2>&1
    done
  done
}

undo() {
  local code=$?
  trap '' INT TERM HUP
  set +e
  rm -rf "$credentials" slots/next
  if [[ $stage == switched ]]; then
    if [[ -n $live ]]; then point live "$live"; else rm slots/live; fi
  fi
  if [[ $stage == beside || $stage == switched ]]; then
    echo "release: the end of the log of $image:" >&2
    compose logs --no-log-prefix --tail 20 "$idle" >&2
    empty "$idle"
    prune
  fi
  [[ $stage == finished ]] || echo "release: failed; live is $([[ -n $live ]] && cat "slots/$live" || echo nothing), as before" >&2
  exit "$code"
}

exec 9>lock
if ! flock --nonblock 9; then
  [[ $files == "$PWD" ]] || rm -r "$files"
  fail "another deployment is at work here: try again when it has ended"
fi

live=$(cat slots/live 2>/dev/null || true)
idle=$([[ $live == blue ]] && echo green || echo blue)
stage=before
trap undo EXIT
trap 'exit 1' INT TERM HUP
trap '' PIPE # who started this may be gone: what was begun is undone all the same

rm -rf "$credentials" # of a run that was killed
take_files
write_settings
start_what_stays
docker image inspect "$image" >/dev/null 2>&1 || pull

stage=beside
echo "${image#*@}" >"slots/$idle"
write_settings
point next "$idle"
echo "release: starting $image in the slot $idle" >&2
compose up --detach --no-deps --force-recreate --pull never --wait --wait-timeout 120 "$idle" ||
  fail "the new version did not get healthy"
for _ in {1..10}; do
  reach 9181 /readyz && break
  sleep 1
done 2>/dev/null
reach 9181 /readyz || fail "the new version is not ready: something that it needs does not answer"
ask test http://127.0.0.1:9181
[[ $answer == passed ]] || fail "the new version failed its test"

stage=switched
point live "$idle"
echo "release: $image has the traffic" >&2
ask watch
[[ $answer == passed ]] || fail "the service was not well with the new version"
shows "$idle" '"Status": "healthy"' || fail "the new version did not stay healthy"
shows "$idle" '"RestartCount": 0,' || fail "the new version was restarted"

stage=finished
echo "$(date -u +%FT%TZ) ${image#*@}" >>history
[[ -z $live ]] || empty "$live"
prune || true
echo "release: live is $image" >&2

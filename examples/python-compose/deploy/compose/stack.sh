# shellcheck shell=bash disable=SC2154 # here, name and image are lib.sh's
# On the host, for release.sh: the slots, the files that were sent, and what stays from one version to the next.

# slots/ has a digest for blue and for green, and the name of one of both for each of live (has the traffic), next (is tested),
# and, while a deployment is unfinished, rollback-to (had the traffic before; empty where nothing had).
# Each is a link to a file that has the word: to point elsewhere takes no room, so that a full disk hinders no rollback.
point() { # NAME WORD: who reads slots/NAME finds the old word or the new one, never half of it
  [[ ! -f slots/$1 || $(pointed "$1") != "$2" ]] || return 0
  ln --force "slots/to-$2" "slots/$1.new"
  mv "slots/$1.new" "slots/$1"
}
pointed() { cat "slots/$1" 2>/dev/null || true; }
other() { if [[ $1 == blue ]]; then echo green; else echo blue; fi; }

empty() { # SLOT: what it runs finishes its requests, and stops
  compose stop "$1" 2>/dev/null || true
  compose rm --force "$1" >/dev/null 2>&1 || true
}

shows() { # SERVICE TEXT: whether the description of its container has this
  [[ $(docker inspect "$(compose ps --all --quiet "$1")") == *"$2"* ]]
}

take_files() {
  mkdir -p proxy slots
  mkdir -p -m 700 secrets backups
  find . -maxdepth 1 -name 'incoming.*' -mmin +60 -exec rm -r {} +
  local word
  for word in blue green ''; do
    [[ $(cat "slots/to-$word" 2>&1) == "$word" ]] || echo "$word" >"slots/to-$word"
  done
  if [[ $here != "$PWD" ]]; then
    chmod u=rwX,go=rX "$here"/* # for the containers' users, also where this was checked out, or sent, under umask 077
    [[ -f $here/compose.own.yaml ]] || rm -f compose.own.yaml
    mv "$here"/* . # whole or not at all; and a script that runs keeps the file that it began with
    rm -r "$here"
  fi
  # A container's user must read its secrets; the folder keeps all others of this host out.
  find secrets -type f -user "$(id -u)" ! -perm -444 -exec chmod a+r {} +
  local password
  for password in database_password database_owner_password; do
    [[ ! -s secrets/$password ]] || continue
    [[ -z $(docker volume ls --quiet --filter "name=^${name}_database$") ]] ||
      fail "secrets/$password is not there, and the database knows it: put it back, or see \"Lost passwords\" in deploy/README.md"
    od -An -N 24 -t x1 /dev/urandom | tr -d ' \n' >secrets/new
    mv secrets/new "secrets/$password"
  done
}

pull() { # CONFIG: Docker's
  local config=${XDG_RUNTIME_DIR:-/dev/shm}/$name-pull # in memory
  rm -rf "$config" # of a run that was killed
  if ! docker image inspect "$image" >/dev/null 2>&1; then
    mkdir -m 700 "$config"
    [[ -z $1 ]] || echo "$1" >"$config/config.json"
    docker --config "$config" pull --quiet "$image" >/dev/null || { rm -r "$config"; fail "$image was not pulled: see above"; }
    rm -r "$config"
  fi
}

write_settings() { # for Compose, which reads .env by itself: `docker compose ps` works in this folder
  cat >.env.new <<SETTINGS
# Made by release.sh: change settings.env instead
COMPOSE_FILE=compose.prod.yaml$([[ ! -f compose.own.yaml ]] || echo :compose.own.yaml)
BLUE_DIGEST=$(pointed blue)
GREEN_DIGEST=$(pointed green)
$(grep ^SITE= settings.env)
SETTINGS
  mv .env.new .env
}

# Another major of PostgreSQL does not read the data of the one before: it would not start, and say why in its own log alone.
database_fits() {
  local other
  # shellcheck disable=SC2016 # expanded in the container
  other=$(compose run --rm --no-deps -T --entrypoint sh database -c '
    major=$(postgres --version | sed "s/[^0-9]*\([0-9]*\).*/\1/")
    cd /var/lib/postgresql && { [ -e "$major/docker/PG_VERSION" ] || ls -d */docker 2>/dev/null || true; }')
  [[ -z $other ]] ||
    fail "the database is of PostgreSQL ${other%%/*}, and compose.prod.yaml has another: deploy/README.md says under \"Another PostgreSQL\" how to move it"
}

start_what_stays() { # the proxy and the database: a deployment starts them, but never replaces them
  local said service stays
  if ! cmp --silent Caddyfile proxy/Caddyfile; then
    cp --remove-destination Caddyfile proxy/Caddyfile.new
    said=$(compose run --rm --no-deps -T proxy caddy validate --adapter caddyfile --config /etc/caddy/Caddyfile.new 2>&1) ||
      fail "the new Caddyfile was refused, and the old one is kept: $(tail -n 1 <<<"$said")"
    mv proxy/Caddyfile.new proxy/Caddyfile
  fi
  mapfile -t stays < <(compose config --services | grep -vxE 'blue|green')
  [[ " ${stays[*]} " != *" database "* ]] || database_fits
  compose up --detach --no-recreate --wait "${stays[@]}" || fail "${stays[*]} did not become healthy: docker compose logs says why"
  compose exec -T proxy caddy reload --config /etc/caddy/Caddyfile --address unix//run/caddy/admin.sock 2>/dev/null ||
    fail "the proxy did not take the Caddyfile: docker compose logs proxy says why"
  for service in "${stays[@]}"; do
    shows "$service" "$(compose config --hash "$service" | cut -d ' ' -f 2)" ||
      say "$service is older than compose.prod.yaml: in a quiet minute, run docker compose up --detach --wait $service"
  done
}

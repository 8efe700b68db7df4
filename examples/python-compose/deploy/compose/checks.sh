# shellcheck shell=bash disable=SC2154 # here, name, repository and image are lib.sh's
# On the host, for release.sh: what is asked before anything is changed.

refuse() { # MESSAGE: before anything was changed
  [[ $here == "$PWD" ]] || rm -r "$here"
  fail "$@"
}

# Refuses the host of another environment: the deployment would look healthy, since it watches the public name of its own.
same_site() {
  local is will
  is=$(sed -n 's/^SITE=//p' .env 2>/dev/null) will=$(sed -n 's/^SITE=//p' "$here/settings.env")
  [[ -z $is || $is == "$will" ]] ||
    refuse "this host serves $is, not $will: check DEPLOY_HOST. Where the name has changed, delete ~/$name/.env there, and deploy again"
}

# A new image takes as much as the live one, and while it is unpacked twice that. One that is here, as for a rollback, takes none.
enough_room() {
  local size short
  ! docker image inspect "$image" >/dev/null 2>&1 || return 0
  size=$(docker image inspect --format '{{.Size}}' "$repository@$(pointed "$(pointed live)")" 2>/dev/null) || size=0
  short=$(short_of $((1000 + 2 * size / 1000000))) || refuse "Docker does not answer: see above"
  [[ -z $short ]] || refuse "$short: too little for a new image. deploy/README.md says under \"A disk that fills\" what can go"
}

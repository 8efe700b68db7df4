#!/usr/bin/env bash
# Deploys an image to the host of an environment, over SSH: migrates the database, starts it there, tests it, switches the traffic to it and watches it.
# If a step fails, it rolls back. What is to be done on the host, release.sh does.
#
# DEPLOY_HOST names the host: deploy@HOST, or ssh://deploy@HOST:PORT. Your known_hosts must have its key.
# WATCH_SECONDS is how long the new version is watched before the old one is stopped: 60. MIGRATE=no leaves the migrations out.
# Usage: deploy/compose/deploy.sh staging|production REPOSITORY@DIGEST
set -euo pipefail
# shellcheck source=deploy/compose/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 2 ]] || usage
choose_environment "$1"
choose_image "$2"
site=$(sed -n 's/^SITE=//p' "$here/$environment.env")
[[ -n $site ]] || fail "deploy/compose/$environment.env has no SITE: the name that the service is reached under"
port=$((20000 + RANDOM % 10000)) # of this machine: leads to the new version, while it is tested
mark_deployment "$image"

# credentials: this machine's Docker login to the registry. The host keeps it in memory, for one pull.
credentials() {
  local config=${DOCKER_CONFIG:-$HOME/.docker}/config.json login=${repository%%/*} store found
  [[ $login != docker.io ]] || login=https://index.docker.io/v1/
  [[ -f $config ]] || return 0
  store=$(jq --raw-output --arg login "$login" '.credHelpers[$login] // .credsStore // empty' "$config")
  if [[ -z $store ]]; then
    jq --compact-output --arg login "$login" '{auths: {($login): (.auths[$login] // empty)}}' "$config"
  elif found=$("docker-credential-$store" get <<<"$login"); then # as Docker Desktop has it; it fails where there is no login
    jq --compact-output --arg login "$login" '{auths: {($login): (if .Username == "<token>" then {identitytoken: .Secret}
      else {auth: ("\(.Username):\(.Secret)" | @base64)} end)}}' <<<"$found"
  fi
}

send_files() { # sets incoming: the folder on the host that has them
  local files=(compose.prod.yaml Caddyfile lib.sh stack.sh checks.sh release.sh prune.sh disk.sh "$environment.env")
  [[ ! -f $here/compose.own.yaml ]] || files+=(compose.own.yaml)
  files+=(migrate.sh backup.sh restore.sh offsite.sh --directory ../database roles.sh)
  incoming=$(tar --create --directory "$here" "${files[@]}" | "${ssh[@]}" "$DEPLOY_HOST" "
    set -e
    mkdir -p $name
    incoming=\$(mktemp -d $name/incoming.XXXXXX)
    tar --extract --directory \"\$incoming\" || { rm -r \"\$incoming\"; exit 1; }
    mv \"\$incoming/$environment.env\" \"\$incoming/settings.env\"
    echo \"\$incoming\"") || fail "the files of the deployment did not get to the host, and nothing was changed: see above"
}

tell() { # STEP [ARGUMENT]: release.sh does it, or has said why it failed
  local answer=
  echo "$*" >&"$steps" && read -r answer <&"$answers" || true
  [[ $answer == ok ]]
}

start() { tell start "$(credentials)"; }
integration_test() { "${INTEGRATION_TEST:-$here/../../scripts/integration.sh}" "http://127.0.0.1:$port" || fail "the new version failed its test"; }
switch_traffic() { tell switch_traffic; }
finish() { tell finish; }

watch() { # from outside, as everybody calls it; some failures in a row are too many
  local failures=0 end=$((SECONDS + ${WATCH_SECONDS:-60}))
  while ((SECONDS < end || failures > 0)); do
    if curl --silent --show-error --fail --max-time 5 --output /dev/null "https://$site/healthz"; then
      failures=0
    elif ((++failures == 10)); then
      fail "https://$site/healthz failed ten times in a row with the new version"
    fi
    sleep 1
  done
}

end_input() { # and wait until release.sh has ended
  exec {steps}>&-
  wait "$connection"
}

roll_back() { end_input || true; } # release.sh does it when its input ends before `finish`

send_files
coproc release { exec "${ssh[@]}" -o ExitOnForwardFailure=yes -L "127.0.0.1:$port:127.0.0.1:9181" "$DEPLOY_HOST" "${MIGRATE:+MIGRATE=no }$incoming/release.sh $image"; }
# shellcheck disable=SC2154 # coproc sets it, and unsets it when the other end is gone
connection=$release_PID
exec {answers}<&"${release[0]}" {steps}>&"${release[1]}"
eval "exec ${release[1]}>&-" # so that closing the other one ends the input
trap 'roll_back; exit 1' EXIT
trap 'exit 1' INT TERM HUP
trap '' PIPE # the connection may be lost

start
integration_test
switch_traffic
watch
finish
trap - EXIT
end_input
say "$environment runs $image"

#!/usr/bin/env bash
# Brings a version to the host of an environment, over SSH. What is to be done there, release.sh does; this sends it, and
# answers its questions: it tests the new version before it gets the traffic, and watches it from outside afterwards.
#
# DEPLOY_HOST names the host: deploy@HOST, or ssh://deploy@HOST:PORT. Your known_hosts must have its key.
# WATCH_SECONDS is how long it is watched before the old version is stopped: 60.
# Usage: deploy/compose/deploy.sh ENVIRONMENT REPOSITORY@DIGEST
set -euo pipefail

here=$(dirname "$0")
[[ $# == 2 && -f $here/$1.env && $2 =~ ^[a-z0-9./_:-]+@sha256:[0-9a-f]{64}$ ]] || { sed -n '7s/^# //p' "$0" >&2; exit 2; }
environment=$1 image=$2
: "${DEPLOY_HOST:?deploy: name the host: DEPLOY_HOST=deploy@HOST}"
site=$(sed -n 's/^SITE=//p' "$here/$environment.env")
port=$((20000 + RANDOM % 10000)) # of this machine: leads to the new version, while it is tested

ssh=(ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -o ServerAliveInterval=15)
if [[ -n ${SSH_FOLDER:-} ]]; then # of the pipeline: its key, and the host's
  ssh+=(-i "$SSH_FOLDER/key" -o IdentitiesOnly=yes -o "UserKnownHostsFile=$SSH_FOLDER/known_hosts")
fi

# credentials REGISTRY: what this machine's Docker logs in there with; it is sent through SSH, for one pull, and kept nowhere.
credentials() {
  local registry=$1 config=${DOCKER_CONFIG:-$HOME/.docker}/config.json
  [[ $registry != docker.io ]] || registry=https://index.docker.io/v1/
  [[ ! -f $config ]] || jq --compact-output --arg registry "$registry" '{auths: {($registry): (.auths[$registry] // empty)}}' "$config"
}

# watch: asks the service as everybody does; some failures in a row are too many.
watch() {
  local failures=0 end=$((SECONDS + ${WATCH_SECONDS:-60}))
  while ((SECONDS < end || failures > 0)); do
    if curl --silent --show-error --fail --max-time 5 --output /dev/null "https://$site/healthz"; then
      failures=0
    elif ((++failures == 10)); then
      return 1
    fi
    sleep 1
  done
}

answer() { # QUESTION ARGUMENT: of release.sh
  case $1 in
    credentials) credentials "$2" | grep . || echo ;;
    test) "${INTEGRATION_TEST:-$here/../../scripts/integration.sh}" "http://127.0.0.1:$port" >&2 && echo passed || echo failed ;;
    watch) watch && echo passed || echo failed ;;
  esac
}

files=(compose.prod.yaml Caddyfile host.sh release.sh backup.sh restore.sh "$environment.env")
[[ ! -f $here/compose.override.yaml ]] || files+=(compose.override.yaml)
incoming=$(tar --create --directory "$here" "${files[@]}" | "${ssh[@]}" "$DEPLOY_HOST" "
  set -e
  mkdir -p $(basename "${image%@*}")
  incoming=\$(mktemp -d $(basename "${image%@*}")/incoming.XXXXXX)
  tar --extract --directory \"\$incoming\"
  mv \"\$incoming/$environment.env\" \"\$incoming/settings.env\"
  echo \"\$incoming\"")

coproc release { exec "${ssh[@]}" -o ExitOnForwardFailure=yes -L "127.0.0.1:$port:127.0.0.1:9181" "$DEPLOY_HOST" "$incoming/release.sh $image"; }
# shellcheck disable=SC2154 # coproc sets it, and unsets it when the other end is gone
pid=$release_PID
exec {questions}<&"${release[0]}" {answers}>&"${release[1]}"
while read -r question argument <&"$questions"; do
  answer "$question" "$argument" >&"$answers"
done
wait "$pid"

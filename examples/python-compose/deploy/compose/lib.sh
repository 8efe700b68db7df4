# shellcheck shell=bash disable=SC2034
# What the scripts beside this one share, on the machine that deploys and on the host.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
name=orders # the project, and its folder on the host
repository=ghcr.io/acme/orders

say() { echo "$(basename "$0" .sh): $*" >&2; }
fail() { say "$@"; exit 1; }

# --help prints a script's header; wrong arguments print how to call it, and nothing is done.
[[ ${1:-} != -h && ${1:-} != --help ]] || { sed -n '2,/^[^#]/{/^# shellcheck/d; s/^# //p}' "$0"; exit; }
usage() { sed -n 's/^# \(Usage: .*\)/\1/p' "$0" >&2; exit 2; }

# choose_image REFERENCE: sets image. Only what the pipeline pushes is deployed, and only by digest.
choose_image() {
  image=$1
  [[ ${image%@*} == "$repository" && ${image##*@} =~ ^sha256:[0-9a-f]{64}$ ]] ||
    { say "$image can't be deployed: use $repository@sha256:…"; exit 2; }
}

# On the machine that deploys.

# choose_environment NAME: sets environment, and how its host is reached: DEPLOY_HOST names it, SSH_FOLDER has the pipeline's key and the host's.
choose_environment() {
  [[ -f $here/$1.env ]] || { say "there is no environment $1: use staging or production"; exit 2; }
  environment=$1
  note=$here/../../.cache/deployment-$environment
  [[ -n ${DEPLOY_HOST:-} ]] || { say "name the host: DEPLOY_HOST=deploy@HOST"; exit 2; }
  ssh=(ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -o ServerAliveInterval=15)
  if [[ -n ${SSH_FOLDER:-} ]]; then
    ssh+=(-i "$SSH_FOLDER/key" -o IdentitiesOnly=yes -o "UserKnownHostsFile=$SSH_FOLDER/known_hosts")
  fi
}

# mark_deployment [LINE...]: a cancelled job signals the first process of its step alone, so what deploy.sh has started may live on.
# All of it inherits this open file, by which recover.sh finds it; what the lines say is for recover.sh, too.
# https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-cancellation
mark_deployment() {
  mkdir -p "$(dirname "$note")"
  exec 8>"$note"
  printf '%s\n' "$@" >&8
}

# end_deployment: ends what is left of a deployment that was started in this folder.
end_deployment() {
  local signal process
  for signal in STOP KILL; do # what is stopped starts nothing more
    for process in /proc/[0-9]*; do
      if [[ $process/fd/8 -ef $note ]]; then kill -s "$signal" "${process#/proc/}" 2>/dev/null || true; fi
    done
  done
}

# On the host.

# Docker rootless listens where its user is.
socket=/run/user/$(id -u)/docker.sock
[[ ! -S $socket ]] || export DOCKER_HOST=unix://$socket

# Never reads the script's own input.
compose() { docker compose --progress quiet "$@" </dev/null; }

# short_of MB [PERCENT]: says which disk has less free space than that, or almost no free inodes; nothing where all have enough.
# Docker's may be another than this folder's.
short_of() {
  local docker
  docker=$(docker info --format '{{.DockerRootDir}}') || return 1
  df --block-size=1000000 --output=avail,size,ipcent,target "$here" "$docker" | awk -v mb="$1" -v percent="${2:-0}" '
    NR == 1 || $4 in seen { next }
    { seen[$4] }
    $1 < mb || $1 * 100 < $2 * percent { printf "only %d of %d MB are free on %s\n", $1, $2, $4; exit }
    $3 + 0 > 95 { printf "only %d %% of the inodes are free on %s\n", 100 - $3, $4; exit }'
}

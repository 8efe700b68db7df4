# shellcheck shell=bash
# What the scripts share that run on the host.

# Docker rootless listens where its user is.
socket=/run/user/$(id -u)/docker.sock
[[ ! -S $socket ]] || export DOCKER_HOST=unix://$socket

fail() { echo "$(basename "$0" .sh): $*" >&2; exit 1; }

# Never reads the script's own input.
compose() { docker compose --progress quiet "$@" </dev/null; }

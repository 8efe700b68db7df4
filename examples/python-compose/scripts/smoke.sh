#!/usr/bin/env bash
# Starts an image as production does, checks what it answers, and stops it.
# Usage: scripts/smoke.sh IMAGE PORT MEMORY     MEMORY in MiB
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 3 ]] || usage
image=$1 port=$2 memory=$3

docker image inspect "$image" >/dev/null 2>&1 || { echo "smoke: there is no image $image on this machine: build it first" >&2; exit 1; }
container=$(docker create --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
  --pids-limit 256 --memory "${memory}m" --publish "127.0.0.1::$port" "$image")
trap 'docker rm --force "$container" >/dev/null' EXIT

state() { docker inspect --format "{{.State.$1}}" "$container"; }
fail() {
  echo "smoke: $*; its log:" >&2
  docker logs "$container" >&2
  exit 1
}
no_answer() { # WHAT: of a container that has ended, the end is the reason
  [[ $(state Running) != true ]] || fail "$*"
  [[ $(state OOMKilled) != true ]] || fail "ran out of memory: it has $memory MiB"
  fail "ended with exit code $(state ExitCode)"
}
ask() { curl --silent --show-error --fail --max-time 5 "http://$address$1"; }

docker start "$container" >/dev/null || fail "does not start"
address=$(docker port "$container" "$port" | head -n 1) || no_answer "publishes no port $port"
for _ in {1..150}; do
  ask /healthz >/dev/null 2>&1 && break
  [[ $(state Running) == true ]] || break
  sleep 0.2
done
ask /healthz >/dev/null || no_answer "no answer on /healthz within 30 s"
ask /readyz >/dev/null || no_answer "not ready"
[[ $(ask /metrics) == *'http_requests_total{'* ]] || no_answer "no http_requests_total in /metrics"

user=$(docker inspect "$container" | jq --raw-output '.[0].Config.User')
[[ $user == 65532:65532 ]] || fail "runs as ${user:-root}, not as 65532:65532"

docker stop --time 30 "$container" >/dev/null
[[ $(state ExitCode) == 0 ]] || fail "stopped with exit code $(state ExitCode)"
docker logs "$container" 2>&1 | jq --exit-status --slurp 'all(has("time") and has("level") and has("message"))' >/dev/null ||
  fail "a line of the log is not JSON with time, level and message"

echo "smoke: $image answers, and stops as it should"

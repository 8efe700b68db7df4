#!/usr/bin/env bash
# Watches a Deployment for WATCH_SECONDS (300 in production, 30 in staging); fails as soon as a pod is missing or restarts.
# Usage: deploy/kubernetes/watch.sh staging|production DEPLOYMENT
set -euo pipefail
# shellcheck source=deploy/kubernetes/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 2 ]] || usage
choose_environment "$1"
deployment=$2
declare -A usual=([staging]=30 [production]=300)
seconds=${WATCH_SECONDS:-${usual[$environment]}}

# Restarts of the newest pods, all in all.
restarts() {
  local hash
  hash=$(newest_replica_set "$deployment" '.metadata.labels["pod-template-hash"]')
  kube get pods --selector "pod-template-hash=$hash" --output json | jq '[.items[].status.containerStatuses[]?.restartCount] | add // 0'
}

before=$(restarts)
say "watching $deployment for $seconds s"
for ((end = SECONDS + seconds; SECONDS < end; )); do
  sleep 5
  unavailable=$(read_deployment "$deployment" '{.status.unavailableReplicas}')
  [[ ${unavailable:-0} == 0 ]] || missing=$((${missing:-0} + 1))
  [[ ${unavailable:-0} != 0 ]] || missing=0
  # One look may meet the autoscaler adding a pod; three in a row may not.
  ((missing < 3)) || fail "$unavailable of the pods of $deployment are not available"
  [[ $(restarts) -le $before ]] || fail "a pod of $deployment restarted"
done

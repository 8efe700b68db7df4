#!/usr/bin/env bash
# Watches what was rolled out for WATCH_SECONDS (300 in production, 30 in staging); fails as soon as an instance is missing or restarts.
# Usage: deploy/kubernetes/watch.sh staging|production DEPLOYMENT
set -euo pipefail
# shellcheck source=deploy/kubernetes/common.sh
source "$(dirname "$0")/common.sh"

[[ $# == 2 ]] || usage
choose_environment "$1"
deployment=$2
declare -A usual=([staging]=30 [production]=300)
seconds=${WATCH_SECONDS:-${usual[$environment]}}

# Restarts of the pods of the newest template, all in all.
restarts() {
  local hash
  hash=$(kube get replicasets --selector "app.kubernetes.io/name=$name" --output json |
    jq --raw-output --arg owner "$deployment" '[.items[] | select(.metadata.ownerReferences[0].name == $owner)]
      | max_by(.metadata.annotations["deployment.kubernetes.io/revision"] | tonumber) | .metadata.labels["pod-template-hash"]')
  kube get pods --selector "pod-template-hash=$hash" --output json | jq '[.items[].status.containerStatuses[]?.restartCount] | add // 0'
}

before=$(restarts)
say "watching $deployment for $seconds s"
for ((end = SECONDS + seconds; SECONDS < end; )); do
  sleep 5
  unavailable=$(read_deployment "$deployment" '{.status.unavailableReplicas}')
  [[ ${unavailable:-0} == 0 ]] || missing=$((${missing:-0} + 1))
  [[ ${unavailable:-0} != 0 ]] || missing=0
  # One look may meet the autoscaler adding an instance; three in a row may not.
  ((missing < 3)) || { say "$unavailable of the instances of $deployment are not available"; exit 1; }
  [[ $(restarts) -le $before ]] || { say "an instance of $deployment restarted"; exit 1; }
done

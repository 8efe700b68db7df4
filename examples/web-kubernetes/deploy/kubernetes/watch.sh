#!/usr/bin/env bash
# Watches a Deployment for WATCH_SECONDS (300 in production, 30 in staging); fails when a pod that was available is lost, or one restarts.
# Usage: deploy/kubernetes/watch.sh staging|production DEPLOYMENT
set -euo pipefail
# shellcheck source=deploy/kubernetes/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 2 ]] || usage
choose_environment "$1"
deployment=$2
declare -A usual=([staging]=30 [production]=300)
seconds=${WATCH_SECONDS:-${usual[$environment]}}

# look: sets how many pods are wanted and available, and how often the newest ones have restarted, all in all.
look() {
  local hash pods counts
  hash=$(newest_replica_set "$deployment" '.metadata.labels["pod-template-hash"]') &&
    pods=$(kube get pods --request-timeout 10s --selector "pod-template-hash=$hash" --output json) &&
    counts=$(kube get deployment "$deployment" --request-timeout 10s --output json) || return 1
  restarts=$(jq '[.items[].status.containerStatuses[]?.restartCount] | add // 0' <<< "$pods")
  wanted=$(jq '.spec.replicas' <<< "$counts") available=$(jq '.status.availableReplicas // 0' <<< "$counts")
}

look || fail "the cluster does not say how $deployment is"
before=$restarts had=$available lost=0 unread=0
say "watching $deployment for $seconds s"
for ((end = SECONDS + seconds; SECONDS < end; )); do
  sleep 5
  # The API server may be replaced meanwhile: that says nothing of the pods.
  if ! look; then
    ((++unread < 6)) || fail "the cluster has not said for 6 times how $deployment is"
    continue
  fi
  unread=0
  ((restarts <= before)) || fail "a pod of $deployment restarted"
  # A pod that the autoscaler has just added was never available, and one that it takes away is not lost.
  ((available > had)) && had=$available
  ((wanted < had)) && had=$wanted
  # One look may meet a pod that moves to another node; three in a row may not.
  if ((available < had)); then ((++lost)); else lost=0; fi
  ((lost < 3)) || fail "$((had - available)) of the $had pods of $deployment are not available any more"
done

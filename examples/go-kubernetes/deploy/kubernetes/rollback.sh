#!/usr/bin/env bash
# Rolls an environment back to an earlier image, in the way that a new one is deployed. Without an image it lists the earlier ones.
# No migration is run or undone.
# Usage: deploy/kubernetes/rollback.sh staging|production [REPOSITORY@DIGEST]
set -euo pipefail
# shellcheck source=deploy/kubernetes/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 1 || $# == 2 ]] || usage
choose_environment "$1"
if [[ $# == 1 ]]; then
  kube get replicasets --selector "app.kubernetes.io/name=$name" --sort-by .metadata.creationTimestamp \
    --output custom-columns=SINCE:.metadata.creationTimestamp,PODS:.status.replicas,IMAGE:.spec.template.spec.containers[0].image
  exit
fi
MIGRATE=no WATCH_SECONDS=${WATCH_SECONDS:-60} exec "$here/deploy.sh" "$@"

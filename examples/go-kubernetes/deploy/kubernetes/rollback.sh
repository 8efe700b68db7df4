#!/usr/bin/env bash
# Rolls an environment back to an earlier image, in the way that a new one is deployed. Without an image it lists those that were started.
# No migration is run or undone.
# Usage: deploy/kubernetes/rollback.sh staging|production [REPOSITORY@DIGEST]
set -euo pipefail
# shellcheck source=deploy/kubernetes/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 1 || $# == 2 ]] || usage
choose_environment "$1"
if [[ $# == 1 ]]; then
  needs_environment
  started=$(kube get replicasets --selector "app.kubernetes.io/name=$name" --output json | jq --raw-output '
    [.items[] | {since: .metadata.creationTimestamp, pods: .status.replicas, image: .spec.template.spec.containers[0].image}]
    | group_by(.image) | map([(map(.since) | max), (map(.pods) | add), .[0].image]) | sort[] | @tsv')
  [[ -n $started ]] || fail "nothing has been deployed to $environment yet"
  # shellcheck disable=SC2086 # three words a line
  printf '%-22s %-5s %s\n' SINCE PODS IMAGE $started
  exit
fi
MIGRATE=no WATCH_SECONDS=${WATCH_SECONDS:-60} exec "$here/deploy.sh" "$@"

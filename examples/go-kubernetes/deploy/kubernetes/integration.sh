#!/usr/bin/env bash
# Runs scripts/integration.sh against what runs in the cluster, through kubectl: no way in from outside is needed.
# Usage: deploy/kubernetes/integration.sh staging|production deployment/NAME|service/NAME
set -euo pipefail
# shellcheck source=deploy/kubernetes/common.sh
source "$(dirname "$0")/common.sh"

[[ $# == 2 ]] || usage
choose_environment "$1"

coproc FORWARD { kube port-forward "$2" ":http" 2>&1; }
forwarder=$FORWARD_PID
trap 'kill "$forwarder" 2>/dev/null || true' EXIT
if ! read -r -t 30 line <&"${FORWARD[0]}" || [[ ! $line =~ 127\.0\.0\.1:([0-9]+) ]]; then
  say "kubectl does not forward to $2: ${line:-no answer within 30 s}"
  exit 1
fi
"$here/../../scripts/integration.sh" "http://127.0.0.1:${BASH_REMATCH[1]}"

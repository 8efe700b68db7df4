#!/usr/bin/env bash
# Runs scripts/integration.sh against a version in the cluster, through kubectl: it need not be reachable from outside.
# Usage: deploy/kubernetes/integration.sh staging|production deployment/NAME|service/NAME
set -euo pipefail
# shellcheck source=deploy/kubernetes/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 2 ]] || usage
choose_environment "$1"

coproc FORWARD { exec kubectl --namespace "$namespace" port-forward "$2" ":http" 2>&1; }
forwarder=$FORWARD_PID
trap 'kill "$forwarder" 2>/dev/null || true' EXIT
line=
read -r -t 30 line <&"${FORWARD[0]}" || true
[[ $line =~ 127\.0\.0\.1:([0-9]+) ]] || fail "kubectl does not forward to $2: ${line:-no answer within 30 s}"
"$here/../../scripts/integration.sh" "http://127.0.0.1:${BASH_REMATCH[1]}"

#!/usr/bin/env bash
# Runs scripts/integration.sh against a version in the cluster, through kubectl: it need not be reachable from outside.
# Usage: deploy/kubernetes/integration.sh staging|production deployment/NAME|service/NAME
set -euo pipefail
# shellcheck source=deploy/kubernetes/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 2 ]] || usage
choose_environment "$1"

forwarded "$2" "$here/../../scripts/integration.sh"

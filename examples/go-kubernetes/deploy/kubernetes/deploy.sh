#!/usr/bin/env bash
# Brings an image to an environment: starts it, tests it, gives it the traffic, watches it. Whatever fails, the old one serves on, or again.
# Usage: deploy/kubernetes/deploy.sh staging|production REPOSITORY@DIGEST
set -euo pipefail
# shellcheck source=deploy/kubernetes/common.sh
source "$(dirname "$0")/common.sh"
# shellcheck source=deploy/kubernetes/strategy.sh
source "$here/strategy.sh"

[[ $# == 2 ]] || usage
choose_environment "$1"
choose_image "$2"

# Also where the job is cancelled.
trap 'say "taking it back"; take_back; exit 1' EXIT
trap 'exit 1' INT TERM

start
"$here/integration.sh" "$environment" "deployment/$started"
give_traffic
"$here/watch.sh" "$environment" "$started"

trap - EXIT
[[ $(image_of "$started") == "$image" ]] || { say "somebody else has deployed to $environment meanwhile: look what runs there"; exit 1; }
finish
say "$environment runs $image"

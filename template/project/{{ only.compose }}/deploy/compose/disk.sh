#!/usr/bin/env bash
# On the host: looks whether its disks have room. Where one gets short, it removes the images that are not needed, and fails where that is
# not enough: while there is time to do something. systemd runs it each hour.
# Usage: disk.sh
set -euo pipefail
# shellcheck source=deploy/compose/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 0 ]] || usage
cd "$here"

# Before a tenth of a disk is left, or less than two deployments need.
short=$(short_of 2500 10)
[[ -n $short ]] || exit 0
exec 9>>lock
flock --nonblock 9 || exit 0 # a deployment is at work, whose image must stay; it prunes at its end
./prune.sh
short=$(short_of 2500 10)
if [[ -n $short ]]; then
  du --human-readable --max-depth=1 . >&2 || true
  docker system df >&2 || true
  fail "$short: deploy/README.md says under \"A disk that fills\" what can go"
fi

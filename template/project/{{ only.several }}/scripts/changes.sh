#!/usr/bin/env bash
# Says whether the service differs between a commit and the one that is checked out: its folder, or its workflows. Prints `service=true` or `service=false`.
# What can't be compared counts as another: no BASE (the weekly run), a new branch, or a commit that is not here, as after a force push.
# Usage: scripts/changes.sh BASE     BASE may be empty
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 1 ]] || usage

if [[ -n $1 ]] && same_service "$1" HEAD; then
  echo service=false
else
  echo service=true
fi

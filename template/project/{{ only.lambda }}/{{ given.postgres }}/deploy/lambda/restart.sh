#!/usr/bin/env bash
# Publishes the image that runs once more: a version keeps the secrets that it was published with. No alarm stops it: an alarm may be the reason for it.
# Usage: deploy/lambda/restart.sh staging|production
set -euo pipefail
# shellcheck source=deploy/lambda/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=deploy/lambda/strategy.sh
source "$here/strategy.sh"

[[ $# == 1 ]] || usage
choose_environment "$1"
as_stack_role

settle function
image=$(running)
before_version=$(version_of live)
[[ -n $image ]] || fail "$environment has no image yet: use deploy/lambda/deploy.sh"
restarted_at=$(date --utc +%Y-%m-%dT%H:%M:%SZ)
{ start && integration_test && switch_traffic; } ||
  fail "a new version does not work: see the log of the function, and the events of the stack $service-$environment-function"
before_version= # the secrets that it has are old ones
finish
say "$environment runs $image in version $version"

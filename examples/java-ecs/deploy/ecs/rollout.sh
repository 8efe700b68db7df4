# shellcheck shell=bash
# How a new version takes over, for the scripts beside this one: task after task, as soon as /readyz says so.
# shellcheck source=deploy/ecs/stack.sh
source "$(dirname "${BASH_SOURCE[0]}")/stack.sh"

# roll_out IMAGE ALARMS: ALARMS is true where an alarm is to end the deployment. Fails where the new version does not answer as it should.
roll_out() {
  update service "Image=$1" "DeploymentAlarms=$2" || return 1
  integration
}

# shellcheck shell=bash disable=SC2154 # image, note and what is named after the environment are lib.sh's
# Rolling: new tasks start beside the old ones, which stop once /readyz of the new ones answers.

start() { update service "Image=$image" "DeploymentAlarms=${deployment_alarms:-true}"; }
integration_test() { "$here/../../scripts/integration.sh" "https://$host" >&2; }
switch_traffic() { :; } # the load balancer has followed the tasks
finish() { rm -f "$note"; }

# Asks CloudFormation to cancel the update that is in progress.
cancel_update() {
  [[ $(ask service StackStatus) != UPDATE_IN_PROGRESS ]] ||
    aws cloudformation cancel-update-stack --stack-name "$service-$environment-service"
}

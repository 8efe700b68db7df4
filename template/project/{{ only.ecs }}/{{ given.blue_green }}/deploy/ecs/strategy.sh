# shellcheck shell=bash disable=SC2154 # image, note and what is named after the environment are lib.sh's
# Blue-green: all tasks of the new version start beside the old ones, and wait, without traffic, on port 8443. Tested there, they get
# all the traffic at once; the old ones stay for some minutes more.

# start: until the new version waits, or ECS has come to an end without.
start() {
  update service "Image=$image" "DeploymentAlarms=${deployment_alarms:-true}" &
  updating=$!
  until waiting=$(waiting_deployment) && [[ -n $waiting ]]; do
    kill -0 "$updating" 2>/dev/null || return 0
    sleep "$POLL_SECONDS"
  done
}

integration_test() { [[ -z $waiting ]] || "$here/../../scripts/integration.sh" "https://$host:8443" >&2; }

switch_traffic() {
  [[ -z $waiting ]] || answer CONTINUE "$waiting"
  wait "$updating" && "$here/../../scripts/integration.sh" "https://$host" >&2
}

finish() { rm -f "$note"; }

# Lets ECS roll back the deployment that waits, or asks CloudFormation to cancel the update that is in progress.
cancel_update() {
  local waiting
  waiting=$(waiting_deployment)
  if [[ -n $waiting ]]; then
    answer ROLLBACK "$waiting"
  elif [[ $(ask service StackStatus) == UPDATE_IN_PROGRESS ]]; then
    aws cloudformation cancel-update-stack --stack-name "$service-$environment-service"
  fi
}

# waiting_deployment: the deployment that waits for the test, and what it waits at; nothing where none does.
waiting_deployment() {
  local deployment
  deployment=$(about_deployments list-service-deployments --cluster "$service-$environment" --service "$service" --status IN_PROGRESS \
    --query 'serviceDeployments[0].serviceDeploymentArn')
  [[ -z $deployment ]] || about_deployments describe-service-deployments --service-deployment-arns "$deployment" \
    --query "serviceDeployments[0].[serviceDeploymentArn, lifecycleHookDetails[?status == 'AWAITING_ACTION'] | [0].hookId]"
}

# about_deployments COMMAND...: what ECS says; nothing where there is nothing yet, or nothing to wait for.
about_deployments() {
  local said
  if said=$(aws ecs "$@" --output text 2>&1); then
    [[ $said == *None ]] || echo "$said"
  elif [[ $said != *NotFoundException* ]]; then
    echo "$said" >&2
  fi
}

# answer CONTINUE|ROLLBACK "DEPLOYMENT HOOK"
answer() {
  local deployment hook
  read -r deployment hook <<<"$2"
  aws ecs continue-service-deployment --service-deployment-arn "$deployment" --hook-id "$hook" --action "$1" --output text >/dev/null
}

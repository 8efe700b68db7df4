# shellcheck shell=bash
# How a new version takes over, for the scripts beside this one: all of it starts beside the old one, and waits, without traffic,
# on port 8443. Tested there, it gets all the traffic at once; the old one stays for some minutes more.
# shellcheck source=deploy/ecs/stack.sh
source "$(dirname "${BASH_SOURCE[0]}")/stack.sh"

# roll_out IMAGE ALARMS: ALARMS is true where an alarm is to end the deployment. Fails where the new version does not answer as it should.
roll_out() {
  update service "Image=$1" "DeploymentAlarms=$2" &
  local updating=$! waiting
  while kill -0 "$updating" 2>/dev/null; do
    waiting=$(waiting_deployment)
    if [[ -n $waiting ]]; then
      if integration :8443; then answer CONTINUE "$waiting"; else answer ROLLBACK "$waiting"; fi
    fi
    sleep "$POLL_SECONDS"
  done
  wait "$updating" || return 1
  integration
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

# shellcheck shell=bash disable=SC2154 # what is named after the environment is lib.sh's
# A task that runs once, in a cluster of its own: what a stack of its own says of it, by its outputs.

# start_task STACK WHAT [OPTION...]: starts it; prints its ARN.
start_task() {
  local said task why
  said=$(aws ecs run-task --cluster "$service-$environment-$1" --launch-type FARGATE \
    --task-definition "$(ask "$1" "Outputs[?OutputKey=='TaskDefinition'] | [0].OutputValue")" \
    --network-configuration "$(ask "$1" "Outputs[?OutputKey=='Network'] | [0].OutputValue")" \
    --query '[tasks[0].taskArn, failures[0].reason]' --output text "${@:3}") || return 1
  IFS=$'\t' read -r task why <<<"$said"
  [[ $task != None ]] || { say "$2 did not start: $why"; return 1; }
  echo "$task"
}

# await_task STACK WHAT TASK: waits for its end. Fails with 2 where it still runs; with 1 where it failed, and shows the end of its log.
await_task() {
  local cluster=$service-$environment-$1 said code reason
  aws ecs wait tasks-stopped --cluster "$cluster" --tasks "$3" || { say "$2 has not ended within ten minutes"; return 2; }
  said=$(aws ecs describe-tasks --cluster "$cluster" --tasks "$3" --query 'tasks[0].[containers[0].exitCode, stoppedReason]' --output text) || return 2
  IFS=$'\t' read -r code reason <<<"$said"
  [[ $code != 0 ]] || return 0
  say "$2 failed ($reason); the end of its log:"
  aws logs get-log-events --log-group-name "/ecs/$cluster" --log-stream-name "$1/$1/${3##*/}" \
    --limit 20 --query 'events[].[message]' --output text >&2 || true
  return 1
}

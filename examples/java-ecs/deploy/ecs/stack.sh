# shellcheck shell=bash disable=SC2154 # here, service, environment, account and parameters are lib.sh's
# How a stack of CloudFormation is looked at, and brought up to date.

role=() # as which CloudFormation works: whoever calls, until as_stack_role
: "${POLL_SECONDS:=10}"

# check_account: refuses credentials of another account, in which everything would be created once more.
check_account() {
  local found
  found=$(aws sts get-caller-identity --query Account --output text) || fail "AWS does not say whose credentials these are: see above"
  [[ $found == "$account" ]] || fail "$environment is in the AWS account $account, but these credentials are for $found: choose others, by AWS_PROFILE for example"
}

# ask STACK QUERY: what CloudFormation says of it; nothing where there is no such stack.
ask() {
  local answer
  if answer=$(aws cloudformation describe-stacks --stack-name "$service-$environment-$1" --query "Stacks[0].$2" --output text 2>&1); then
    [[ $answer == None ]] || echo "$answer"
  elif [[ $answer != *'does not exist'* ]]; then
    echo "$answer" >&2
    return 1
  fi
}

# settle STACK: waits until nobody changes it, and clears away what a first deployment that failed has left: nothing ran in it.
settle() {
  local stack=$service-$environment-$1 status
  for _ in {1..150}; do
    status=$(ask "$1" StackStatus)
    case $status in
      REVIEW_IN_PROGRESS) return 0 ;; # a change that nobody carried out
      *_IN_PROGRESS)
        say "$stack is $status: waiting"
        sleep "$POLL_SECONDS"
        ;;
      ROLLBACK_COMPLETE | ROLLBACK_FAILED | DELETE_FAILED)
        say "$stack is $status: deleting it"
        aws cloudformation delete-stack --stack-name "$stack" "${role[@]}"
        aws cloudformation wait stack-delete-complete --stack-name "$stack"
        ;;
      UPDATE_ROLLBACK_FAILED)
        fail "$stack is $status: see why in its events, then run: aws cloudformation continue-update-rollback --stack-name $stack"
        ;;
      *) return 0 ;;
    esac
  done
  fail "$stack is still $status: see its events, and try again"
}

# as_stack_role: lets CloudFormation work as the role of bootstrap.yml from here on.
as_stack_role() {
  check_account
  role=(--role-arn "arn:aws:iam::$account:role/$service-$environment-stack")
}

# running: the image that the service was last deployed with; nothing before the first time.
running() { ask service "Parameters[?ParameterKey=='Image'] | [0].ParameterValue"; }

# update STACK [NAME=VALUE...]: brings it up to date, and waits; says why where that fails.
update() {
  local stack=$service-$environment-$1 template=$here/$1.yml
  if [[ $1 == service ]]; then template=$(with_settings) || return 1; fi
  aws cloudformation deploy --stack-name "$stack" --template-file "$template" "${role[@]}" \
    --capabilities CAPABILITY_NAMED_IAM --no-fail-on-empty-changeset \
    --parameter-overrides "${parameters[@]}" "${@:2}" >&2 && return 0
  aws cloudformation describe-stack-events --stack-name "$stack" --output text \
    --query "StackEvents[?ends_with(ResourceStatus, 'FAILED')] | [:5].[LogicalResourceId, ResourceStatusReason]" >&2 || true
  return 1
}

# with_settings: service.yml with what config/ENVIRONMENT.env holds in the container's environment; prints the file's name.
with_settings() {
  local file=$here/config/$environment.env made=$here/../../.cache/service-$environment.yml lines
  lines=$(jq --raw-input --raw-output --arg file "$file" '
    rtrimstr("\r") | select(test("^\\s*(#|$)") | not)
    | capture("^(?<name>[A-Za-z_][A-Za-z0-9_]*)=(?<value>.*)$") // ("\($file) has a line that is not NAME=VALUE: \(.)\n" | halt_error)
    | if .name | IN("PORT", "DATABASE_URL", "DATABASE_PASSWORD")
      then "\($file) sets \(.name), which deploy/ecs/service.yml does\n" | halt_error else . end
    | "            - {Name: \(.name), Value: \(.value | @json)}"' "$file") || return 1
  mkdir -p "$here/../../.cache"
  settings=$lines awk '!/config\/ENVIRONMENT\.env/ { print; next } ENVIRON["settings"] { print ENVIRON["settings"] }' "$here/service.yml" >"$made"
  echo "$made"
}

# shellcheck shell=bash
# What the scripts beside this one share: names, and how a stack is brought up to date.

service=orders
image_name=docker.io/acme/orders
account=123456789012
export AWS_DEFAULT_REGION=us-east-1

program=$(basename "$0" .sh)
folder=$(dirname "${BASH_SOURCE[0]}")
role=() # as which CloudFormation works: whoever calls, until as_stack_role
: "${POLL_SECONDS:=10}"

fail() {
  echo "$program: $*" >&2
  exit 1
}

# choose ENVIRONMENT: where everything below happens.
choose() {
  environment=$1
  case $environment in
    staging) host=staging.orders.example.com ;;
    production) host=orders.example.com ;;
    *)
      echo "$program: there is no environment $environment: use staging or production" >&2
      exit 2
      ;;
  esac
  local file=$folder/parameters/$environment.json
  mapfile -t parameters < <(jq --raw-output '.Parameters | to_entries[] | "\(.key)=\(.value)"' "$file")
  [[ ${parameters[*]} != *-0000000000000000* ]] || fail "$file still has AWS's names for nothing (vpc-000…): put in your own"
  [[ " ${parameters[*]} " != *Id=0\ * ]] \
    || fail "$file has no ids of the repository and its owner: put in what this prints: gh api repos/acme/orders --jq '.owner.id, .id'"
}

# choose_image REPOSITORY@DIGEST: a digest of this repository, never a tag, which could be moved.
choose_image() {
  image=$1
  [[ ${image%@*} == "$image_name" && ${image##*@} =~ ^sha256:[0-9a-f]{64}$ ]] || {
    echo "$program: $image is no image of this repository by its digest: use $image_name@sha256:…" >&2
    exit 2
  }
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

# integration [:PORT]: runs the owner's test against the service.
integration() {
  "$folder/../../scripts/integration.sh" "https://$host${1:-}"
}

# as_stack_role: lets CloudFormation work as the role of bootstrap.yml from here on.
as_stack_role() {
  role=(--role-arn "arn:aws:iam::$account:role/$service-$environment-stack")
}

# running: the image that the service was last deployed with; nothing before the first time.
running() {
  ask service "Parameters[?ParameterKey=='Image'] | [0].ParameterValue"
}

# settle STACK: waits until nobody changes it, and clears away what a first deployment that failed has left: nothing ran in it.
settle() {
  local stack=$service-$environment-$1 status
  for _ in {1..150}; do
    status=$(ask "$1" StackStatus)
    case $status in
      REVIEW_IN_PROGRESS) return ;; # a change that nobody carried out
      *_IN_PROGRESS)
        echo "$program: $stack is $status: waiting"
        sleep "$POLL_SECONDS"
        ;;
      ROLLBACK_COMPLETE | ROLLBACK_FAILED | DELETE_FAILED)
        echo "$program: $stack is $status: deleting it"
        aws cloudformation delete-stack --stack-name "$stack" "${role[@]}"
        aws cloudformation wait stack-delete-complete --stack-name "$stack"
        ;;
      UPDATE_ROLLBACK_FAILED)
        fail "$stack is $status: see why in its events, then run: aws cloudformation continue-update-rollback --stack-name $stack"
        ;;
      *) return ;;
    esac
  done
  fail "$stack is still $status: see its events, and try again"
}

# update STACK [NAME=VALUE...]: brings it up to date, and waits; says why where that fails.
update() {
  local stack=$service-$environment-$1
  aws cloudformation deploy --stack-name "$stack" --template-file "$folder/$1.yml" "${role[@]}" \
    --capabilities CAPABILITY_NAMED_IAM --no-fail-on-empty-changeset \
    --parameter-overrides "${parameters[@]}" "${@:2}" && return
  aws cloudformation describe-stack-events --stack-name "$stack" --output text \
    --query "StackEvents[?ends_with(ResourceStatus, 'FAILED')] | [:5].[LogicalResourceId, ResourceStatusReason]" >&2
  return 1
}

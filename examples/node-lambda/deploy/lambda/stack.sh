# shellcheck shell=bash disable=SC2154 # here, service, environment, account, image and parameters are lib.sh's
# How a stack of CloudFormation is looked at, and brought up to date.

role=() # as which CloudFormation works: whoever calls, until as_stack_role
: "${POLL_SECONDS:=10}"

# check_account: refuses credentials of another account, in which everything would be made anew.
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

# update STACK [NAME=VALUE...]: brings it up to date, and waits; says why where that fails.
update() {
  local stack=$service-$environment-$1 template=$here/$1.yml more=("${@:2}")
  if [[ $1 == function ]]; then
    template=$(with_settings "$1") || return 1
    more+=("Release=${image##*@} $(release "$template")")
  fi
  bring "$stack" "$template" "${parameters[@]}" "${more[@]}"
}

# bring STACK TEMPLATE NAME=VALUE...: a parameter that is not named stays as it is.
bring() {
  aws cloudformation deploy --stack-name "$1" --template-file "$2" "${role[@]}" \
    --capabilities CAPABILITY_NAMED_IAM --no-fail-on-empty-changeset --parameter-overrides "${@:3}" >&2 && return 0
  aws cloudformation describe-stack-events --stack-name "$1" --output text \
    --query "StackEvents[?ends_with(ResourceStatus, 'FAILED')] | [:5].[LogicalResourceId, ResourceStatusReason]" >&2 || true
  return 1
}

# point_to VERSION: gives it all the traffic. The stack stays as it is in all else, whatever the files here say.
point_to() {
  local stack=$service-$environment-function made=$here/../../.cache/function-$environment.now.yml
  mkdir -p "$here/../../.cache"
  aws cloudformation get-template --stack-name "$stack" --query TemplateBody --output text >"$made" || return 1
  bring "$stack" "$made" "LiveVersion=$1"
}

# release TEMPLATE: what a version is made of, in twelve digits: another one publishes another version.
release() { { cat "$1" && printf '%s\n' "${parameters[@]}" "$image" "${restarted_at:-}"; } | sha256sum | cut -c 1-12; }

# with_settings STACK: its template with what config/ENVIRONMENT.env holds in the function's environment; prints the file's name.
with_settings() {
  local file=$here/config/$environment.env made=$here/../../.cache/$1-$environment.yml lines
  # https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
  lines=$(jq --raw-input --raw-output --arg file "$file" '
    rtrimstr("\r") | select(test("^\\s*(#|$)") | not)
    | capture("^(?<name>[A-Za-z][A-Za-z0-9_]+)=(?<value>.*)$") // ("\($file) has a line that is not NAME=VALUE: \(.)\n" | halt_error)
    | if .name | test("^AWS_") or IN("PORT", "RELEASE", "DATABASE_URL", "DATABASE_PASSWORD", "DATABASE_POOL_SIZE")
      then "\($file) sets \(.name), which deploy/lambda/function.yml or AWS does\n" | halt_error else . end
    | "          \(.name): \(.value | @json)"' "$file") || return 1
  mkdir -p "$here/../../.cache"
  settings=$lines awk '!/config\/ENVIRONMENT\.env/ { print; next } ENVIRON["settings"] { print ENVIRON["settings"] }' "$here/$1.yml" >"$made"
  echo "$made"
}

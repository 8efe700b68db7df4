# shellcheck shell=bash disable=SC2034,SC2154 # some of it is the other scripts'
# What the scripts beside this one share.

here=$(dirname "${BASH_SOURCE[0]}")
service=orders
repository=123456789012.dkr.ecr.us-east-1.amazonaws.com/orders
# shellcheck source=deploy/lambda/stack.sh
source "$here/stack.sh"
# shellcheck source=deploy/lambda/versions.sh
source "$here/versions.sh"

say() { echo "$(basename "$0" .sh): $*" >&2; }
fail() { say "$@"; exit 1; }

# --help prints a script's header; wrong arguments print how to call it, and nothing is done.
[[ ${1:-} != -h && ${1:-} != --help ]] || { sed -n '2,/^[^#]/{/^# shellcheck/d; s/^# //p}' "$0"; exit; }
usage() { sed -n 's/^# \(Usage: .*\)/\1/p' "$0" >&2; exit 2; }

# choose_environment NAME: sets environment, host, account and region, the stacks' parameters, and where a deployment leaves its note.
choose_environment() {
  environment=$1
  case $environment in
    staging) host=staging.orders.example.com account=123456789012 region=us-east-1 ;;
    production) host=orders.example.com account=123456789012 region=us-east-1 ;;
    *) say "there is no environment $environment: use staging or production"; exit 2 ;;
  esac
  local file=$here/parameters/$environment.json lines
  lines=$(jq --raw-output '.Parameters | to_entries[] | "\(.key)=\(.value)"' "$file") || fail "$file can't be read: see above"
  mapfile -t parameters <<<"$lines"
  [[ ${parameters[*]} != *[-/]0000000[0-9-]* ]] || fail "$file still holds placeholder ids (…0000000…): put in your own"
  [[ " ${parameters[*]} " != *Id=0\ * ]] ||
    fail "$file has no ids of the repository and its owner: put in what this prints: gh api repos/acme/orders --jq '.owner.id, .id'"
  note=$here/../../.cache/deployment-$environment
  # Version 2 of the aws command looks at the first of them, version 1 at the second.
  export AWS_REGION=$region AWS_DEFAULT_REGION=$region
}

# choose_image REPOSITORY@DIGEST: a digest of this repository, never a tag, which is mutable.
choose_image() {
  image=$1
  [[ ${image%@*} == "$repository" && ${image##*@} =~ ^sha256:[0-9a-f]{64}$ ]] ||
    { say "$image can't be deployed: use $repository@sha256:…"; exit 2; }
}

# mark_deployment [LINE...]: a cancelled job signals the first process of its step alone, so what deploy.sh has started may live on.
# All of it inherits this open file, by which recover.sh finds it; what the lines say is for recover.sh, too.
# https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-cancellation
mark_deployment() {
  mkdir -p "$(dirname "$note")"
  exec 8>"$note"
  printf '%s\n' "$@" >&8
}

# end_deployment: ends what is left of a deployment that was started in this folder.
end_deployment() {
  local signal process
  for signal in STOP KILL; do # what is stopped starts nothing more
    for process in /proc/[0-9]*; do
      if [[ $process/fd/8 -ef $note ]]; then kill -s "$signal" "${process#/proc/}" 2>/dev/null || true; fi
    done
  done
}

# start: publishes a version of $image; it is there beside the one that has the traffic, and has none. Sets `version`.
start() {
  local live
  live=$(version_of live) || return 1 # empty, it would give the new one the traffic
  update function "Image=$image" "LiveVersion=$live" || return 1
  version=$(ask function "Outputs[?OutputKey=='Version'] | [0].OutputValue") || return 1
  # Lambda prepares an image before a version of it takes requests: https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
  aws lambda wait published-version-active --function-name "$service-$environment" --qualifier "$version"
}

# integration_test: asks that very version, which nobody else does.
integration_test() {
  answers /healthz 200 && answers /readyz 200
}

# switch_traffic: all of it at once; then as callers see it.
switch_traffic() {
  point_to "$version" && "$here/../../scripts/integration.sh" "https://$host" >&2
}

# roll_back: from the unfinished deployment of $image to the version that had the traffic before.
roll_back() {
  stop_migration || true
  settle function
  if [[ -z $before_version ]]; then # what is left is for the next deployment to replace: its log tells why it failed
    finish
    say "nothing to roll back to: $environment had no image before"
    return 0
  fi
  if [[ $(version_of live) != "$before_version" ]]; then
    point_to "$before_version" || fail "going back to version $before_version failed, too: see the events of the stack $service-$environment-function"
  fi
  rm -f "$note"
  say "$environment runs $before as before"
}

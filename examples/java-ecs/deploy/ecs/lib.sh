# shellcheck shell=bash disable=SC2034,SC2154 # some of it is the other scripts'
# What the scripts beside this one share.

here=$(dirname "${BASH_SOURCE[0]}")
service=orders
repository=docker.io/acme/orders
# shellcheck source=deploy/ecs/stack.sh
source "$here/stack.sh"

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
  [[ ${parameters[*]} != *-0000000000000000* ]] || fail "$file still holds placeholder ids (vpc-000…): put in your own"
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

# check_reachable: fails where AllowedCidr keeps this machine out, before anything is changed: the integration test runs from here.
check_reachable() {
  local code=0
  [[ " ${parameters[*]} " =~ \ AllowedCidr=([^ ]*) && ${BASH_REMATCH[1]} != 0.0.0.0/0 ]] || return 0
  curl --silent --output /dev/null --connect-timeout 10 "https://$host" || code=$?
  [[ $code != 7 && $code != 28 ]] || # no connection, or none in time
    fail "https://$host can't be reached from here, and parameters/$environment.json lets in ${BASH_REMATCH[1]} alone: see AllowedCidr in deploy/README.md"
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

# go_back_to IMAGE: deploys an earlier image; no alarm may end that.
go_back_to() {
  image=$1 deployment_alarms=false
  start && integration_test && switch_traffic
}

# roll_back: from the unfinished deployment of $image to the image that ran before.
roll_back() {
  local failed=$image
  stop_migration || true
  cancel_update || true # it may have come to its end meanwhile
  wait
  if [[ -z $before ]]; then # what is left is for the next deployment to clear away: its events tell why it failed
    finish
    say "nothing to roll back to: $environment had no image before"
    return 0
  fi
  settle service
  if [[ $(running) != "$before" ]]; then
    go_back_to "$before" || fail "going back to $before failed, too: see the events of the stack $service-$environment-service"
  elif [[ $before == "$failed" ]]; then
    say "$failed ran before, too: if it does not work, go back further with deploy/ecs/rollback.sh"
  fi
  finish
  say "$environment runs $before as before"
}

# shellcheck shell=bash disable=SC2154 # name and environment are lib.sh's
# Blue-green: two Deployments, and a Service that selects the pods of one. The new version starts in the other one, with the same
# number of replicas; the old one stays as it is until the new one has been watched. While a deployment is unfinished, the
# annotation rollback-to of the Service names the slot of the last good version.

start() {
  live=$(last_good)
  if [[ -n $live ]]; then
    select_slot "$live" # an earlier deployment was killed: it may have had the traffic
  else
    live=$(read_service '{.spec.selector.slot}')
    [[ -z $live ]] || kube annotate service "$name" "rollback-to=$live" >&2
  fi
  slot=blue
  [[ $live != blue ]] || slot=green
  started=$name-$slot
  local more=("components: [../../deploy/kubernetes/slots/$slot]")
  if [[ -n $live ]]; then # the Service stays with it meanwhile
    more+=("$(service_patch "$live")" "replicas: [{name: $started, count: $(read_deployment "$name-$live" '{.spec.replicas}')}]")
  fi
  apply "${more[@]}"
  rolled_out "$started"
}

switch_traffic() { select_slot "$slot"; }

finish() {
  [[ -n $live ]] || return 0
  kube annotate service "$name" rollback-to- >&2
  scale "$live" 0
}

roll_back() {
  local good failed=blue
  good=$(last_good)
  [[ -n $good ]] || { say "nothing to roll back: no deployment of $environment is unfinished, or there was no version before it"; return 0; }
  [[ $good != blue ]] || failed=green
  select_slot "$good"
  [[ -z $(image_of "$name-$failed") ]] || scale "$failed" 0
  kube annotate service "$name" rollback-to- >&2
  say "$environment runs $(image_of "$name-$good") as before"
}

read_service() { kube get service "$name" --ignore-not-found --output "jsonpath=$1"; } # JSONPATH
last_good() { read_service '{.metadata.annotations.rollback-to}'; }

select_slot() {
  kube patch service "$name" --patch "{\"spec\": {\"selector\": {\"slot\": \"$1\"}}}" >&2
}

scale() { # SLOT REPLICAS: at 0 its autoscaler rests
  kube patch deployment "$name-$1" --patch "{\"spec\": {\"replicas\": $2}}" >&2
}

service_patch() { # SLOT
  printf "patches: [{target: {kind: Service}, patch: '[{\"op\": \"add\", \"path\": \"/spec/selector/slot\", \"value\": \"%s\"}]'}]\n" "$1"
}

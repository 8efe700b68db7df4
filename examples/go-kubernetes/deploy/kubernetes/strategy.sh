# shellcheck shell=bash disable=SC2154 # name and environment are common.sh's
# Blue-green: two Deployments, and a Service that one of them is behind. The new version comes up in the other one, as wide as the old;
# the old one stays as it is until the new one has been watched.

start() {
  live=$(kube get service "$name" --ignore-not-found --output 'jsonpath={.spec.selector.slot}')
  slot=blue
  [[ $live != blue ]] || slot=green
  started=$name-$slot
  local more=("components: [../../deploy/kubernetes/slots/$slot]")
  if [[ -n $live ]]; then # the Service stays with it meanwhile
    more+=("$(service_patch "$live")" "replicas: [{name: $started, count: $(read_deployment "$name-$live" '{.spec.replicas}')}]")
  fi
  manifests "${more[@]}" | kube apply --filename - >&2
  rolled_out "$started"
}

give_traffic() {
  kube patch service "$name" --patch "{\"spec\": {\"selector\": {\"slot\": \"$slot\"}}}" >&2
}

finish() {
  [[ -z $live ]] || scale "$live" 0
}

take_back() {
  [[ -n ${live:-} ]] || { say "there is no earlier version to go back to"; return 0; }
  kube patch service "$name" --patch "{\"spec\": {\"selector\": {\"slot\": \"$live\"}}}" >&2
  scale "$slot" 0
  say "$environment runs $(image_of "$name-$live") as before"
}

scale() { # SLOT REPLICAS: at 0 its autoscaler rests
  kube patch deployment "$name-$1" --patch "{\"spec\": {\"replicas\": $2}}" >&2
}

service_patch() { # SLOT
  printf "patches: [{target: {kind: Service}, patch: '[{\"op\": \"add\", \"path\": \"/spec/selector/slot\", \"value\": \"%s\"}]'}]\n" "$1"
}

# shellcheck shell=bash disable=SC2154 # name and environment are lib.sh's
# Blue-green: two Deployments, and a Service that selects the pods of one. The new version starts in the other one, with the same
# number of replicas; the old one stays as it is until the new one has been watched.

start() {
  begin
  live=$(record .data.slot)
  slot=blue
  [[ $live != blue ]] || slot=green
  started=$(deployment_of "$slot")
  local more=("components: [../../deploy/kubernetes/slots/$slot]")
  if [[ -n $live ]]; then
    select_slot "$live" # a deployment that was killed may have had the traffic
    more+=("replicas: [{name: $started, count: $(read_deployment "$(deployment_of "$live")" '{.spec.replicas}')}]")
  fi
  apply "${more[@]}" "$(service_patch "${live:-$slot}")" # the Service stays where it is
  rolled_out "$started"
}

switch_traffic() { select_slot "$slot"; }

finish() {
  manifests "components: [../../deploy/kubernetes/slots/$slot]" "$(service_patch "$slot")" | keep "$slot"
  case $live in
    '') ;;
    main) remove main ;; # rolling until now
    *) scale "$live" 0 ;;
  esac
}

roll_back() {
  unfinished || return 0
  local good failed=blue
  good=$(record .data.slot)
  [[ $good != blue ]] || failed=green
  select_slot "$good"
  restore 'Deployment|HorizontalPodAutoscaler' # of which the good slot's are as they were
  [[ -z $(image_of "$(deployment_of "$failed")") ]] || scale "$failed" 0
  say "$environment runs $(image_of "$(deployment_of "$good")") as before"
}

scale() { # SLOT REPLICAS: at 0 its autoscaler rests
  kube patch deployment "$(deployment_of "$1")" --patch "{\"spec\": {\"replicas\": $2}}" >&2
}

# shellcheck shell=bash disable=SC2154 # name and environment are lib.sh's
# Rolling: the canary, one pod that gets no traffic, is tested; then the Deployment replaces its pods one after the other.

start() {
  begin
  live=$(record .data.slot)
  started=$name
  case $live in
    main)
      started=$name-canary
      # With all that it may need to start, such as a policy that lets it call what is new, except what leads or scales the others.
      manifests "components: [../../deploy/kubernetes/slots/canary]" |
        not_of_kind 'Service|HTTPRoute|Ingress|HorizontalPodAutoscaler|PodDisruptionBudget' | apply_these
      ;;
    '') apply ;; # the first version
    *) apply "$(service_patch "$live")" ;; # blue-green until now: the Service stays with that slot
  esac
  rolled_out "$started"
}

switch_traffic() {
  case $live in
    main)
      apply # the Service follows the pods
      started=$name
      rolled_out "$started"
      remove canary
      ;;
    '') ;;
    *) select_slot main ;;
  esac
}

finish() {
  manifests | keep main
  remove blue green
}

roll_back() {
  unfinished || return 0
  local good
  good=$(record .data.slot)
  remove canary
  if [[ $good == main ]]; then
    restore
    rolled_out "$name"
  else
    restore 'Deployment|HorizontalPodAutoscaler' # of which the other slot's are as they were
    remove main
  fi
  say "$environment runs $(image_of "$(deployment_of "$good")") as before"
}

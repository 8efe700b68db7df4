# shellcheck shell=bash disable=SC2154 # name and environment are lib.sh's
# Rolling: the Deployment replaces its pods one after the other. While a deployment is unfinished, the annotation
# rollback-to of the Deployment names the ReplicaSet of the last good version.

start() {
  started=$name
  # An annotation that is there already is of a deployment that was killed: what that one replaced is still the last good version.
  if [[ -z $(last_good) && -n $(image_of "$name") ]]; then
    kube annotate deployment "$name" "rollback-to=$(newest_replica_set "$name" .metadata.name)" >&2
  fi
  apply
  rolled_out "$started"
}

switch_traffic() { :; } # the Service has followed the pods

finish() {
  [[ -z $(last_good) ]] || kube annotate deployment "$name" rollback-to- >&2
}

roll_back() {
  local good revision
  good=$(last_good)
  [[ -n $good ]] || { say "nothing to roll back: no deployment of $environment is unfinished, or there was no version before it"; return 0; }
  revision=$(kube get replicaset "$good" --output 'jsonpath={.metadata.annotations.deployment\.kubernetes\.io/revision}')
  kube rollout undo "deployment/$name" --to-revision "$revision" >&2
  forget_failed
  rolled_out "$name"
  finish
  say "$environment runs $(image_of "$name") as before"
}

last_good() { read_deployment "$name" '{.metadata.annotations.rollback-to}'; }

# `rollout undo` leaves what failed in kubectl's record of what was last applied; by that record, the next `apply` would
# keep settings that the failed version had dropped, and the next one drops again.
forget_failed() {
  local record=kubectl.kubernetes.io/last-applied-configuration
  kube annotate deployment "$name" --overwrite "$record=$(kube get deployment "$name" --output json |
    jq --compact-output --arg record "$record" '.spec.template as $now | .metadata.annotations[$record] | fromjson | .spec.template = $now')" >&2
}

# shellcheck shell=bash disable=SC2154 # name and environment are common.sh's
# Rolling: the Deployment replaces its pods one after the other, and its history leads back.
# Which revision was last seen well is noted on it: the one before a failed one may have failed too.

start() {
  started=$name
  manifests | kube apply --filename - >&2
  rolled_out "$started"
}

give_traffic() { :; } # the Service has followed the pods

finish() {
  kube annotate deployment "$name" --overwrite "last-good-revision=$(revision)" >&2
}

take_back() {
  local good
  good=$(read_deployment "$name" '{.metadata.annotations.last-good-revision}')
  [[ -n $good ]] || { say "there is no earlier version to go back to"; return 0; }
  [[ $good != "$(revision)" ]] || { say "the earlier version was not touched"; return 0; }
  kube rollout undo "deployment/$name" --to-revision "$good" >&2
  forget_failed
  rolled_out "$name"
  finish # going back gave it a new number
  say "$environment runs $(image_of "$name") again"
}

# `rollout undo` leaves what failed in kubectl's note of what was last applied; by that note, the next `apply` would
# keep settings that the failed version had dropped, and the next one drops again.
forget_failed() {
  local note=kubectl.kubernetes.io/last-applied-configuration
  kube annotate deployment "$name" --overwrite "$note=$(kube get deployment "$name" --output json |
    jq --compact-output --arg note "$note" '.spec.template as $now | .metadata.annotations[$note] | fromjson | .spec.template = $now')" >&2
}

revision() { read_deployment "$name" '{.metadata.annotations.deployment\.kubernetes\.io/revision}'; }

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
  [[ -n $good ]] || { say "there is no earlier version to go back to"; return; }
  [[ $good != "$(revision)" ]] || { say "the earlier version was not touched"; return; }
  kube rollout undo "deployment/$name" --to-revision "$good" >&2
  rolled_out "$name"
  finish # going back gave it a new number
  say "$environment runs $(image_of "$name") again"
}

revision() { read_deployment "$name" '{.metadata.annotations.deployment\.kubernetes\.io/revision}'; }

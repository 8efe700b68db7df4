# shellcheck shell=bash disable=SC2154 # name and environment are lib.sh's
# What a deployment applies, and what it leaves in the cluster for the next one: the ConfigMap NAME-deployed, with all that the last
# good one applied, and its slot; while one is unfinished, also the names of what it applies. So all of it can be taken back.

# manifests [KUSTOMIZATION]: all that the environment gets, with the digest and what else is given, in order.
manifests() {
  local folder
  mkdir -p "$here/../../.cache"
  folder=$(mktemp -d "$here/../../.cache/kubernetes-XXXXXX")
  {
    printf 'resources: [../../deploy/kubernetes/overlays/%s]\n' "$environment"
    printf 'images: [{name: %s, digest: "%s"}]\n' "$repository" "$digest"
    printf '%s\n' "$@"
  } > "$folder/kustomization.yml"
  kubectl kustomize "$folder" || { rm -r "$folder"; return 1; }
  rm -r "$folder"
}

# check_manifests: refuses what can't be put together, and what the API server would not take, while nothing has been changed yet.
check_manifests() {
  local all
  all=$(manifests) || fail "deploy/kubernetes/overlays/$environment can't be put together; nothing has been changed"
  kube apply --dry-run=server --filename - >/dev/null <<< "$all" ||
    fail "the cluster does not take these objects from this user; nothing has been changed"
}

# apply [KUSTOMIZATION]: brings it to the cluster, except what belongs to the migration. apply_these: what is given, in the same way.
apply() { manifests "$@" | apply_these; }
apply_these() { kube apply --selector 'app.kubernetes.io/component!=migrate' --filename - >&2; }

record() { kube get configmap "$name-deployed" --ignore-not-found --output json | jq --raw-output "$1 // empty"; } # JQ_PATH

# write_record SLOT UNFINISHED: with the manifests that are given.
write_record() {
  jq --null-input --rawfile manifests /dev/stdin --arg name "$name" --arg slot "$1" --arg unfinished "$2" '{
    apiVersion: "v1", kind: "ConfigMap",
    metadata: {name: "\($name)-deployed", labels: {"app.kubernetes.io/name": $name}},
    data: {slot: $slot, manifests: $manifests, unfinished: $unfinished}}' |
    kube apply --server-side --force-conflicts --filename - >&2
}

# begin: a deployment is unfinished from here on. What can't be read is not taken for empty, here and below: it would be forgotten.
begin() {
  local last before going
  last=$(record .data.slot)
  before=$(record .data.manifests)
  going=$(record .data.unfinished)
  [[ -z $going ]] ||
    say "the deployment of $environment before this one has not ended well: it failed, was cut off, or still runs elsewhere"
  going=$(manifests | names && echo "$going") # what one that was killed has applied, too
  write_record "$last" "$going" <<< "$before"
}

# keep SLOT: the manifests that are given have proved good; what they no longer have goes.
keep() {
  local before good
  before=$(record .data.manifests | names && record .data.unfinished)
  good=$(cat)
  write_record "$1" "" <<< "$good"
  prune "$before" "$(names <<< "$good")"
}

unfinished() {
  local before going
  { going=$(record .data.unfinished) && before=$(record .data.manifests); } || fail "the cluster does not say what ran before"
  [[ -n $going ]] || { say "nothing to roll back: no deployment of $environment is unfinished"; return 1; }
  [[ -n $before ]] ||
    { say "nothing to roll back to: $environment has had no good version yet; what was started stays, to be looked at"; return 1; }
}

# restore [KINDS]: applies what was good before, except these kinds.
restore() {
  local good last going
  good=$(record .data.manifests)
  last=$(record .data.slot)
  going=$(record .data.unfinished)
  not_of_kind "${1:-Job}" <<< "$good" | apply_these
  prune "$going" "$(names <<< "$good")"
  write_record "$last" "" <<< "$good"
}

# prune NAMES KEPT: deletes the first that are not among the second. Deployments and their autoscalers are the strategy's; a ConfigMap
# may be that of an earlier version.
prune() {
  local object
  for object in $(comm -23 <(sort -u <<< "$1") <(sort -u <<< "$2") | sed -E '/^(Deployment|HorizontalPodAutoscaler|ConfigMap|Job)[./]/d'); do
    kube delete --wait=false --ignore-not-found "$object" >&2 || say "$object is left over: delete it yourself"
  done
}

# Of the manifests that are given: the names, as kubectl takes them, and the objects of all kinds but some (KIND|KIND).
names() {
  awk 'BEGIN { named = 1 }
    /^apiVersion: / { group = $2; if (!sub("/.*", "", group)) group = "" }
    /^kind: / { kind = $2 (group ? "." group : "") }
    /^metadata:/ { named = 0 }
    /^  name: / && !named { print kind "/" $2; named = 1 }'
}
not_of_kind() { awk -v RS='\n---\n' -v ORS='\n---\n' -v kinds="$1" '$0 !~ "(^|\n)kind: (" kinds ")\n"'; }

# The Service selects the pods of one slot, each of which has a Deployment.
deployment_of() { if [[ $1 == main ]]; then echo "$name"; else echo "$name-$1"; fi; }
select_slot() {
  kube patch service "$name" --patch "{\"spec\": {\"selector\": {\"slot\": \"$1\"}}}" >&2
}
service_patch() {
  printf "patches: [{target: {kind: Service, name: %s}, patch: '[{\"op\": \"replace\", \"path\": \"/spec/selector/slot\", \"value\": \"%s\"}]'}]\n" "$name" "$1"
}

# remove SLOT...: ends what runs in them.
remove() {
  local slot deployment
  for slot; do
    deployment=$(deployment_of "$slot")
    kube delete horizontalpodautoscaler,deployment --wait=false --ignore-not-found "$deployment" >&2
  done
}

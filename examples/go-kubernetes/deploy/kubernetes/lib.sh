# shellcheck shell=bash
# What the scripts beside this one share.

here=$(dirname "${BASH_SOURCE[0]}")
name=orders
repository=123456789012.dkr.ecr.us-east-1.amazonaws.com/orders

say() { echo "$(basename "$0" .sh): $*" >&2; }
fail() { say "$@"; exit 1; }

# --help prints a script's header; wrong arguments print how to call it, and nothing is done.
[[ ${1:-} != -h && ${1:-} != --help ]] || { sed -n '2,/^[^#]/{/^# shellcheck/d; s/^# //p}' "$0"; exit; }
usage() { sed -n 's/^# \(Usage: .*\)/\1/p' "$0" >&2; exit 2; }

# choose_environment NAME: sets environment, its namespace, and where a deployment leaves its note.
choose_environment() {
  environment=$1
  case $environment in
    staging) namespace=orders-staging ;;
    production) namespace=orders ;;
    *) say "there is no environment $environment: use staging or production"; exit 2 ;;
  esac
  note=$here/../../.cache/deployment-$environment
}

# choose_image REFERENCE: sets image and digest. Only what the pipeline pushes is deployed, and only by digest.
choose_image() {
  image=$1 digest=${1#*@}
  [[ $image == "$repository@$digest" && $digest =~ ^sha256:[0-9a-f]{64}$ ]] ||
    { say "$image can't be deployed: use $repository@sha256: and 64 digits of 0 to 9 and a to f"; exit 2; }
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

kube() { kubectl --namespace "$namespace" "$@"; }
read_deployment() { kube get deployment "$1" --ignore-not-found --output "jsonpath=$2"; } # NAME JSONPATH
image_of() { read_deployment "$1" '{.spec.template.spec.containers[0].image}'; }

# newest_replica_set DEPLOYMENT JQ_PATH: a value of the ReplicaSet of its newest pods; nothing where there is no such Deployment.
newest_replica_set() {
  kube get replicasets --selector "app.kubernetes.io/name=$name" --output json | jq --raw-output --arg owner "$1" "
    [.items[] | select(.metadata.ownerReferences[0].name == \$owner)]
    | max_by(.metadata.annotations[\"deployment.kubernetes.io/revision\"] | tonumber) | $2 // empty"
}

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

# apply [KUSTOMIZATION]: brings it to the cluster, but for what belongs to the migration.
apply() { manifests "$@" | kube apply --selector 'app.kubernetes.io/component!=migrate' --filename - >&2; }

# last_words POD: the end of its log. What it wrote before it was restarted tells more than that it starts again; it may have
# begun this second, and of a container that is gone kubectl prints that it is, and exits with 0.
last_words() {
  local previous log try
  for try in 1 2 3 4 5; do
    for previous in true false; do
      log=$(kube logs --tail 10 --previous="$previous" "$1" 2>&1) || continue
      [[ -n $log && $log != "unable to retrieve container logs"* ]] || continue
      printf '%s\n' "$log"
      return 0
    done
    sleep 2
  done
  printf '%s\n' "${log:-no log after $try looks}"
}

# rolled_out DEPLOYMENT: waits until every one of its pods is new and ready; says why where they do not become so.
rolled_out() {
  if kube rollout status "deployment/$1" --timeout "${ROLLOUT_SECONDS:-300}s" >&2; then return 0; fi
  say "$1 did not become ready; its pods, the last warnings, and the log of the newest pod that is not ready:"
  kube get pods --selector "app.kubernetes.io/name=$name" --sort-by .metadata.creationTimestamp >&2 || true
  kube get events --field-selector type=Warning --sort-by .metadata.creationTimestamp \
    --output custom-columns=WHAT:.involvedObject.name,WHY:.message | tail -n 5 >&2 || true
  # Of the new version's alone: the autoscaler may just have started another one of the old.
  local hash pod
  hash=$(newest_replica_set "$1" '.metadata.labels["pod-template-hash"]') || true
  pod=$(kube get pods --selector "app.kubernetes.io/name=$name,pod-template-hash=$hash" --output json | jq --raw-output \
    '[.items[] | select(any(.status.containerStatuses[]?; .ready | not))] | max_by(.metadata.creationTimestamp).metadata.name // empty') || true
  [[ -z $pod ]] || last_words "$pod" >&2
  return 1
}

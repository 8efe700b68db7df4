# shellcheck shell=bash
# What the scripts beside this one share: where an environment is, and how it is asked.

here=$(dirname "${BASH_SOURCE[0]}")
name=orders
repository=123456789012.dkr.ecr.us-east-1.amazonaws.com/orders

usage() { sed -n 's/^# Usage: /usage: /p' "$0" >&2; exit 2; }
say() { echo "$(basename "$0" .sh): $*" >&2; }

# choose_environment NAME: sets environment and namespace.
choose_environment() {
  environment=$1
  case $environment in
    staging) namespace=orders-staging ;;
    production) namespace=orders ;;
    *) say "there is no environment $environment: use staging or production"; exit 2 ;;
  esac
}

# choose_image REFERENCE: sets image, digest. Only what the pipeline pushes is deployed, and only by digest.
choose_image() {
  image=$1 digest=${1#*@}
  [[ $image == "$repository@$digest" && $digest =~ ^sha256:[0-9a-f]{64}$ ]] ||
    { say "$image can not be deployed: use $repository@sha256: and 64 digits of 0 to 9 and a to f"; exit 2; }
}

kube() { kubectl --namespace "$namespace" "$@"; }
read_deployment() { kube get deployment "$1" --ignore-not-found --output "jsonpath=$2"; } # NAME JSONPATH
image_of() { read_deployment "$1" '{.spec.template.spec.containers[0].image}'; }

# manifests [KUSTOMIZATION]: everything that the environment gets, with the digest and what else is said, in order.
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

# rolled_out DEPLOYMENT: waits until every one of its pods is new and ready; says why where they do not get so.
rolled_out() {
  if kube rollout status "deployment/$1" --timeout "${ROLLOUT_SECONDS:-300}s" >&2; then return 0; fi
  say "$1 did not get ready; its pods, the last warnings, and what the newest of those that are not ready wrote:"
  kube get pods --selector "app.kubernetes.io/name=$name" --sort-by .metadata.creationTimestamp >&2
  kube get events --field-selector type=Warning --sort-by .metadata.creationTimestamp \
    --output custom-columns=WHAT:.involvedObject.name,WHY:.message | tail -n 5 >&2
  local pod
  pod=$(kube get pods --selector "app.kubernetes.io/name=$name" --output json | jq --raw-output \
    '[.items[] | select(any(.status.containerStatuses[]?; .ready | not))] | max_by(.metadata.creationTimestamp).metadata.name // empty')
  # What it wrote before it was restarted tells more than that it starts again.
  [[ -z $pod ]] || kube logs --tail 10 --previous "$pod" >&2 || kube logs --tail 10 "$pod" >&2 || true
  return 1
}

# shellcheck shell=bash
# What the scripts beside this one share.
((BASH_VERSINFO[0] >= 4)) || { echo "bash 4 or later is needed; macOS's own is 3.2" >&2; exit 2; }

here=$(dirname "${BASH_SOURCE[0]}")
name=shop
repository=ghcr.io/acme/shop

say() { echo "$(basename "$0" .sh): $*" >&2; }
fail() { say "$@"; exit 1; }

# --help prints a script's header; wrong arguments print how to call it, and nothing is done.
[[ ${1:-} != -h && ${1:-} != --help ]] || { sed -n '2,/^[^#]/{/^# shellcheck/d; s/^# //p}' "$0"; exit; }
usage() { sed -n 's/^# \(Usage: .*\)/\1/p' "$0" >&2; exit 2; }

# choose_environment NAME: sets environment, its namespace and host, and where a deployment leaves its note.
choose_environment() {
  environment=$1
  case $environment in
    staging) namespace=shop-staging host=staging.shop.example.com ;;
    production) namespace=shop host=shop.example.com ;;
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

context() { kubectl config current-context 2>/dev/null || echo '(none)'; }

# needs_environment: refuses a cluster that is not this environment's: a namespace has this account, and the deployer may read it.
needs_environment() {
  local tool said
  for tool in kubectl jq curl; do type -P "$tool" >/dev/null || fail "$tool is needed, and is not there"; done
  said=$(kube get serviceaccount default --output name --request-timeout 10s 2>&1) ||
    fail "kubectl's context $(context) does not lead to the namespace $namespace (${said##*$'\n'}): choose another, or set it up by deploy/README.md"
}

# needs_kubernetes MINOR: refuses a cluster that is older.
needs_kubernetes() {
  local minor
  minor=$(kubectl version --output json | jq --raw-output '.serverVersion.minor | scan("^[0-9]+")') || fail "the cluster does not answer"
  ((minor >= $1)) || fail "the cluster is Kubernetes 1.$minor: 1.$1 or later is needed"
}

kube() { kubectl --namespace "$namespace" "$@"; }
read_deployment() { kube get deployment "$1" --ignore-not-found --output "jsonpath=$2"; } # NAME JSONPATH
image_of() { read_deployment "$1" '{.spec.template.spec.containers[0].image}'; }

# newest_replica_set DEPLOYMENT JQ_PATH: a value of the ReplicaSet of its newest pods; nothing where there is no such Deployment.
newest_replica_set() {
  kube get replicasets --request-timeout 10s --selector "app.kubernetes.io/name=$name" --output json | jq --raw-output --arg owner "$1" "
    [.items[] | select(.metadata.ownerReferences[0].name == \$owner)]
    | max_by(.metadata.annotations[\"deployment.kubernetes.io/revision\"] | tonumber) | $2 // empty"
}

# forwarded TARGET COMMAND...: runs a command with one more argument, the address by which a pod of TARGET is reached through
# kubectl. Of a Service, that is a pod that it selects, at the port that it leads to.
forwarded() (
  coproc FORWARD { exec kubectl --namespace "$namespace" port-forward "$1" ":http" 2>&1; }
  forwarder=$FORWARD_PID
  trap 'kill "$forwarder" 2>/dev/null || true' EXIT
  line=
  read -r -t 30 line <&"${FORWARD[0]}" || true
  [[ $line =~ 127\.0\.0\.1:([0-9]+) ]] || fail "kubectl does not forward to $1: ${line:-no answer within 30 s}"
  "${@:2}" "http://127.0.0.1:${BASH_REMATCH[1]}"
)

# ask_route [OPTION...]: whether the service answers at its public address; with options of curl.
ask_route() { curl --fail --silent --show-error --output /dev/null --max-time 5 "$@" "https://$host/healthz"; }

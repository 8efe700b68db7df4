# shellcheck shell=bash disable=SC2154 # name is lib.sh's
# Waits for a Deployment, and says why where it does not become ready.

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

# warnings PREFIX: the last ones about objects whose names begin so; not those of an autoscaler, which warns until pods are measured.
warnings() {
  kube get events --field-selector 'type=Warning,involvedObject.kind!=HorizontalPodAutoscaler' --sort-by .metadata.creationTimestamp \
    --output custom-columns=WHAT:.involvedObject.name,WHY:.message --no-headers 2>/dev/null |
    awk -v prefix="$1" 'index($1, prefix) == 1' | tail -n 5
}

# rolled_out DEPLOYMENT: waits until every one of its pods is new and ready; says why where they do not become so.
rolled_out() {
  if kube rollout status "deployment/$1" --timeout "${ROLLOUT_SECONDS:-300}s" >&2; then return 0; fi
  say "$1 did not become ready; its pods, the last warnings, and the log of the newest pod that is not ready:"
  kube get pods --selector "app.kubernetes.io/name=$name" --sort-by .metadata.creationTimestamp --output wide >&2 || true
  # Of the new version's alone: the autoscaler may just have started another one of the old.
  local hash pod
  hash=$(newest_replica_set "$1" '.metadata.labels["pod-template-hash"]') || true
  warnings "$1-$hash" >&2 || true
  pod=$(kube get pods --selector "app.kubernetes.io/name=$name,pod-template-hash=$hash" --output json | jq --raw-output \
    '[.items[] | select(any(.status.containerStatuses[]?; .ready | not))] | max_by(.metadata.creationTimestamp).metadata.name // empty') || true
  [[ -z $pod ]] || last_words "$pod" >&2
  return 1
}

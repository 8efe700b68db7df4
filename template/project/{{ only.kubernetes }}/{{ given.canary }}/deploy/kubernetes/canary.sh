# shellcheck shell=bash disable=SC2034,SC2154 # judge.sh reads the settings; name and live are lib.sh's and strategy.sh's
# The share of the requests that a new version gets, and by what it is judged. The values are yours to change; for one deployment
# alone, set the variable: CANARY_STEPS="5 25 50" deploy/kubernetes/deploy.sh …
steps=${CANARY_STEPS-10 50}             # its share in percent, step by step; then it gets all, and with "" at once
step_seconds=${CANARY_SECONDS:-}        # how long a step takes: else 300 in production, 30 in staging
most_failed=${CANARY_FAILED_PERCENT:-5} # of its answers, how many in a hundred may be 5xx
slowest=${CANARY_P95_SECONDS:-1}        # 95 in a hundred must be this fast; rounded down to a bound of the histogram
fewest=${CANARY_REQUESTS:-50}           # how many requests a step needs to judge by; production does not go on with less

check_settings() {
  local number
  for number in $steps; do
    [[ $number =~ ^[1-9][0-9]?$ ]] || { say "CANARY_STEPS is \"$steps\": use shares from 1 to 99 with spaces, such as \"10 50\""; exit 2; }
  done
  for number in "${step_seconds:-0}" "$most_failed" "$fewest"; do
    [[ $number =~ ^(0|[1-9][0-9]*)$ ]] || { say "a setting of the canary is \"$number\": use a whole number, as in deploy/kubernetes/canary.sh"; exit 2; }
  done
  [[ $slowest =~ ^[0-9]+(\.[0-9]+)?$ ]] || { say "CANARY_P95_SECONDS is \"$slowest\": use seconds, such as 0.5"; exit 2; }
}
check_settings

# share PERCENT: the route gives it to the canary's Service, in each rule that has both Services; the rest stays with the other one.
share() {
  local route rules
  route=$(kube get httproute "$name" --ignore-not-found --output json)
  [[ -n $route ]] || return 0 # nothing is led here yet
  rules=$(jq --compact-output --arg name "$name" --argjson share "$1" '
    [.spec.rules[] | if any(.backendRefs[]?; .name == "\($name)-canary") then .backendRefs |= map(
      if .name == $name then .weight = 100 - $share elif .name == "\($name)-canary" then .weight = $share else . end) else . end]' <<< "$route")
  kube patch httproute "$name" --type merge --patch "{\"spec\": {\"rules\": $rules}}" >&2
}

# hold SLOT...: none of them has fewer pods while the traffic moves, so that each can take all of it at once. Afterwards, its autoscaler is
# applied again, which autoscaler picks from the manifests that are given.
hold() {
  local slot count least
  count=$(read_deployment "$(deployment_of "$live")" '{.spec.replicas}')
  for slot; do
    least=$(kube get horizontalpodautoscaler "$(deployment_of "$slot")" --output json | jq --argjson count "$count" '[$count, .spec.maxReplicas] | min')
    kube patch horizontalpodautoscaler "$(deployment_of "$slot")" --patch "{\"spec\": {\"minReplicas\": $least}}" >&2
  done
}
autoscaler() { awk -v RS='\n---\n' -v ORS='\n---\n' '/(^|\n)kind: HorizontalPodAutoscaler\n/'; }

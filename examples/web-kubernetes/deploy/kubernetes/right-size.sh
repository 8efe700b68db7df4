#!/usr/bin/env bash
# Proposes requests and limits by what the pods have used, as Prometheus knows it; changes nothing.
# PROMETHEUS_URL says where Prometheus answers, such as http://127.0.0.1:9090 behind a `kubectl port-forward`.
# Usage: deploy/kubernetes/right-size.sh staging|production [DAYS]
set -euo pipefail
# shellcheck source=deploy/kubernetes/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 1 || ($# == 2 && $2 =~ ^[1-9][0-9]?$) ]] || usage
choose_environment "$1"
: "${PROMETHEUS_URL:=http://127.0.0.1:9090}"
days=${2:-7}
pods="namespace=\"$namespace\", pod=~\"$name(-blue|-green)?-[^-]+-[^-]+\", container=\"app\""
cpu="rate(container_cpu_usage_seconds_total{$pods}[5m])[${days}d:5m]"

# ask QUERY: its value; 0 where Prometheus has none.
ask() {
  local said
  said=$(curl --silent --show-error --fail-with-body --max-time 60 --get "$PROMETHEUS_URL/api/v1/query" --data-urlencode "query=$1") ||
    fail "Prometheus does not answer at $PROMETHEUS_URL: ${said:-see above}; say where it is by PROMETHEUS_URL"
  jq --raw-output '.data.result[0].value[1] // 0 | if . == "NaN" then 0 else . end' <<<"$said"
}

hours=$(ask "count_over_time(sum(container_memory_working_set_bytes{$pods})[${days}d:1h])")
((hours >= 24)) || fail "Prometheus at $PROMETHEUS_URL has $hours hours of $name in $namespace: it takes a day, and better a week"

busy=$(ask "max(quantile_over_time(0.95, $cpu))")
peak=$(ask "max(max_over_time($cpu))")
most=$(ask "max(max_over_time(container_memory_working_set_bytes{$pods}[${days}d]))")
throttled=$(ask "100 * sum(increase(container_cpu_cfs_throttled_periods_total{$pods}[${days}d])) / sum(increase(container_cpu_cfs_periods_total{$pods}[${days}d]))")
limit=$(ask "1000 * max(kube_pod_container_resource_limits{$pods, resource=\"cpu\"})")

jq --null-input --raw-output --arg title "$name in $namespace, $hours hours" \
  --argjson busy "$busy" --argjson peak "$peak" --argjson most "$most" --argjson throttled "$throttled" --argjson limit "$limit" '
  def up(step): (. / step | ceil) * step;
  ($most / 1048576) as $mebibytes
  # The autoscaler aims at 70 % of what is asked for: with less room than that there would be more pods.
  | ([$busy * 1000 / 0.7, 10] | max | up(10)) as $cpu
  # Less than it has may make a start too slow, which an average of five minutes hides; more where it was held back.
  | (if $throttled > 5 or $limit == 0 then [$peak * 1500, $limit * 1.5, $cpu] | max | up(100) else [$limit, $cpu] | max end) as $cpu_limit
  | ($mebibytes | up(16)) as $memory
  | ($mebibytes * 1.25 | up(16)) as $memory_limit
  | "\($title):",
    "  CPU: \($busy * 1000 | round)m in 95 of 100 spans of five minutes, \($peak * 1000 | round)m at most; held back in \($throttled | round) % of the time",
    "  memory: \($mebibytes | round)Mi at most",
    "",
    "To take it over, for both environments, put this under patches: in deploy/kubernetes/own/kustomization.yml:",
    "",
    "  - target: { kind: Deployment }",
    "    patch: |-",
    (["requests/cpu", "\($cpu)m"], ["requests/memory", "\($memory)Mi"], ["limits/cpu", "\($cpu_limit)m"], ["limits/memory", "\($memory_limit)Mi"]
      | "      - { op: replace, path: /spec/template/spec/containers/0/resources/\(.[0]), value: \(.[1]) }")'

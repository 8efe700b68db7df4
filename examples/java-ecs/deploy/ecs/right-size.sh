#!/usr/bin/env bash
# Proposes a size of the tasks by what they have used, as CloudWatch knows it; changes nothing.
# Usage: deploy/ecs/right-size.sh staging|production [DAYS]
set -euo pipefail
# shellcheck source=deploy/ecs/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 1 || ($# == 2 && $2 =~ ^[1-9][0-9]?$) ]] || usage
choose_environment "$1"
days=${2:-7}

# hourly METRIC STATISTIC: percent of what a task has, one number for each hour.
hourly() {
  aws cloudwatch get-metric-statistics --namespace AWS/ECS --metric-name "$1" --statistics "$2" --period 3600 \
    --dimensions "Name=ClusterName,Value=$service-$environment" "Name=ServiceName,Value=$service" \
    --start-time "$(date --utc --date "-$days days" +%Y-%m-%dT%H:00:00Z)" --end-time "$(date --utc +%Y-%m-%dT%H:%M:%SZ)" \
    --query "Datapoints[].$2" --output json
}

cpu=$(hourly CPUUtilization Average)
memory=$(hourly MemoryUtilization Maximum)
hours=$(jq length <<<"$memory")
((hours >= 24)) || fail "CloudWatch has $hours hours of $service-$environment: it takes a day, and better a week"

# On Fargate, memory is 2 to 8 times the CPU units, in steps of 1024 MiB, and with 256 units 512 MiB, too.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
jq --null-input --raw-output --arg title "$service in $environment, $hours hours" --argjson cpu "$cpu" --argjson memory "$memory" '
  def units: [256, 512, 1024, 2048, 4096][];
  def sizes: if . == 256 then 512, 1024, 2048 else range(. * 2; ([. * 8, 30720] | min) + 1; 1024) end;
  ($cpu | max * 256 / 100) as $busy
  | ($memory | max * 512 / 100) as $most
  # The scaling keeps CPU at ScalingCpuPercent, and nothing keeps memory: it needs room.
  | [units as $units | select($busy <= $units * 0.6 or $units == 4096) | ($units | sizes) as $size | select($most * 1.25 <= $size) | [$units, $size]]
  | (first // [4096, 30720]) as [$units, $size]
  | "\($title):",
    "  CPU: \($busy | round) of 256 units in the busiest hour",
    "  memory: \($most | round) of 512 MiB at most",
    "",
    if [$units, $size] == [256, 512] then "The size is right."
    else "To take it over, for both environments: uvx copier update --data fargate_cpu=\($units) --data fargate_memory=\($size)" end'

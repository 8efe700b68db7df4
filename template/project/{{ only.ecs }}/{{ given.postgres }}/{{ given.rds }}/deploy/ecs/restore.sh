#!/usr/bin/env bash
# Brings the database back to what it was at a time, of the last days that parameters/ENVIRONMENT.json counts: a copy is made beside the live one,
# which the service uses until the copy is there and takes its name. What was written after that time stays in the old one,
# SERVICE-ENVIRONMENT-old…, which you delete. By hand, by someone who may do what setup.sh does. If it fails on its way, run it again.
# Usage: deploy/ecs/restore.sh staging|production 2026-01-31T12:00:00Z
set -euo pipefail
# shellcheck source=deploy/ecs/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=deploy/ecs/database.sh
source "$here/database.sh"

[[ $# == 2 ]] || usage
choose_environment "$1"
[[ $2 =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$ ]] || { say "$2 is no time: use UTC, as in 2026-01-31T12:00:00Z"; exit 2; }
check_account
name=$service-$environment copy=$service-$environment-restored

# status NAME: of a database, such as available; nothing where there is none.
status() {
  local answer
  if answer=$(aws rds describe-db-instances --db-instance-identifier "$1" --query 'DBInstances[0].DBInstanceStatus' --output text 2>&1); then
    echo "$answer"
  elif [[ $answer != *DBInstanceNotFound* ]]; then
    echo "$answer" >&2
    return 1
  fi
}

# await_database NAME: waits until it is there; hours, where it is large.
await_database() {
  local now
  until now=$(status "$1") && [[ $now == available ]]; do
    [[ $now != *failed* && $now != incompatible* ]] || fail "$1 is $now: see its events in RDS"
    sleep "$POLL_SECONDS"
  done
}

# rename OLD NEW: the address of a database follows its name.
rename() {
  say "$1 becomes $2"
  aws rds modify-db-instance --db-instance-identifier "$1" --new-db-instance-identifier "$2" --apply-immediately --output text >/dev/null
  await_database "$2"
}

now=$(status "$copy")
if [[ -z $now ]]; then
  # RDS would give it the default security group and parameter group, a single zone, and the administrator's password of that time.
  live=$(aws rds describe-db-instances --db-instance-identifier "$name" --query 'DBInstances[0]' --output json)
  request=$(jq --arg copy "$copy" --arg time "$2" '{
    SourceDBInstanceIdentifier: .DBInstanceIdentifier, TargetDBInstanceIdentifier: $copy, RestoreTime: $time,
    DBInstanceClass, MultiAZ, PubliclyAccessible, CopyTagsToSnapshot, DeletionProtection: true, ManageMasterUserPassword: true,
    DBSubnetGroupName: .DBSubnetGroup.DBSubnetGroupName, VpcSecurityGroupIds: [.VpcSecurityGroups[].VpcSecurityGroupId],
    DBParameterGroupName: .DBParameterGroups[0].DBParameterGroupName, EnableCloudwatchLogsExports: (.EnabledCloudwatchLogsExports // []),
    Tags: [{Key: "restored-to", Value: $time}]
  } + if .MaxAllocatedStorage then {MaxAllocatedStorage} else {} end' <<<"$live")
  say "making $copy, as $name was at $2"
  aws rds restore-db-instance-to-point-in-time --cli-input-json "$request" --output text >/dev/null
else
  found=$(aws rds describe-db-instances --db-instance-identifier "$copy" --query "DBInstances[0].TagList[?Key=='restored-to'] | [0].Value" --output text)
  [[ $found == "$2" ]] || fail "$copy is there already, of $found: give that time, or delete it"
fi
await_database "$copy"
[[ -z $(status "$name") ]] || rename "$name" "$name-old$(date --utc +%m%d%H%M)"
rename "$copy" "$name"

# Its roles have the passwords of that time.
make_roles || fail "the roles in the database have not got their passwords: run deploy/ecs/rotate.sh $environment"
say "$name is as it was at $2"

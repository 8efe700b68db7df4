#!/usr/bin/env bash
# Says whether a later run of this workflow deploys to the environment, or has done so: then this run is superseded, and must not bring older code back.
# Prints `run=NUMBER` of the later run, or `run=`. GH_TOKEN may read Actions.
# Usage: scripts/later-deployment.sh ENVIRONMENT     in a run of deploy.yml
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 1 && $1 =~ ^(staging|production)$ ]] || usage
# To staging, every later run that has not failed is on its way; to production, only one that got there.
case $1 in
  staging) counts='.conclusion == "success" or .status != "completed"' ;;
  production) counts='.conclusion == "success"' ;;
esac
later=$(gh run list --repo "$GITHUB_REPOSITORY" --workflow deploy.yml --branch main --limit 50 --json number,status,conclusion \
  --jq "[.[] | select(.number > $GITHUB_RUN_NUMBER and ($counts)) | .number] | max // empty")
[[ -z $later ]] || echo "::notice::Not deployed: run $later of this workflow is later" >&2
echo "run=$later"

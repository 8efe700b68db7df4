#!/usr/bin/env bash
# Fails unless somebody must approve what goes through the environment: without a required reviewer, GitHub lets all pass and says nothing.
# A private repository has required reviewers with GitHub Enterprise alone; a public one with every plan.
# ALLOW_UNREVIEWED_PRODUCTION=true accepts that nobody approves. GH_TOKEN may read Actions.
# Usage: scripts/reviewers.sh ENVIRONMENT
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 1 ]] || usage
# https://docs.github.com/en/rest/deployments/environments#get-an-environment
if ! rules=$(gh api "repos/$GITHUB_REPOSITORY/environments/$1" --jq '[.protection_rules[]? | select(.type == "required_reviewers") | .reviewers[]?] | length'); then
  rules=0 # most likely it was never made
fi
if [[ $rules -gt 0 ]]; then
  echo "reviewers: $1 has $rules, of whom one must approve"
elif [[ ${ALLOW_UNREVIEWED_PRODUCTION:-} == true ]]; then
  echo "::warning::Nobody approves what goes to production: ALLOW_UNREVIEWED_PRODUCTION is true"
else
  fail "the environment $1 has no required reviewer, so nobody would approve this: add one under Settings > Environments," \
    "or, where your plan has none for private repositories, set the variable ALLOW_UNREVIEWED_PRODUCTION to true"
fi

#!/usr/bin/env bash
# Prints the digests of the images in use: the latest release, and those that were deployed last, or rolled back to. GH_TOKEN may read Actions.
# Usage: scripts/in-use.sh REPOSITORY
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 1 ]] || usage
tags=$(crane ls "$1" | { grep --extended-regexp '^[0-9]+\.[0-9]+\.[0-9]+$' || true; } | sort --version-sort | tail -n 1)

# The title of such a run names the digest: see `run-name` in deploy.yml and rollback.yml.
runs() { # WORKFLOW STATUS
  gh run list --repo "$GITHUB_REPOSITORY" --workflow "$1" --status "$2" --limit 1 --json displayTitle --jq '.[].displayTitle'
}
{
  [[ -z $tags ]] || crane digest "$1:$tags"
  # One that waits has been deployed to staging.
  { runs deploy.yml success; runs deploy.yml waiting; runs rollback.yml success; } |
    { grep --only-matching --extended-regexp 'sha256:[0-9a-f]{64}' || true; }
} | sort -u

#!/usr/bin/env bash
# Prints the SLSA provenance of the image that is being built: by which builder, from which commit, in which run.
# https://slsa.dev/spec/v1.1/provenance, in the form of https://actions.github.io/buildtypes/workflow/v1
# Usage: scripts/provenance.sh     in a run of GitHub Actions
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

: "${GITHUB_RUN_ID:?is set by GitHub Actions, where alone this statement is true}"
repository=$GITHUB_SERVER_URL/$GITHUB_REPOSITORY
workflow=${GITHUB_WORKFLOW_REF#"$GITHUB_REPOSITORY/"} # the one that was started, which calls the builder
built_by=$repository/${builder#"$source_url/"}

jq --null-input \
  --arg repository "$repository" --arg path "${workflow%@*}" --arg ref "$GITHUB_REF" --arg commit "$GITHUB_SHA" \
  --arg event "$GITHUB_EVENT_NAME" --arg runner "$RUNNER_ENVIRONMENT" --arg builder "${built_by%@*}@$GITHUB_REF" \
  --arg repository_id "$GITHUB_REPOSITORY_ID" --arg owner_id "$GITHUB_REPOSITORY_OWNER_ID" \
  --arg run "$repository/actions/runs/$GITHUB_RUN_ID/attempts/$GITHUB_RUN_ATTEMPT" '{
    buildDefinition: {
      buildType: "https://actions.github.io/buildtypes/workflow/v1",
      externalParameters: { workflow: { ref: $ref, repository: $repository, path: $path } },
      internalParameters: {
        github: {
          event_name: $event,
          repository_id: $repository_id,
          repository_owner_id: $owner_id,
          runner_environment: $runner
        }
      },
      resolvedDependencies: [{ uri: "git+\($repository)@\($ref)", digest: { gitCommit: $commit } }]
    },
    runDetails: { builder: { id: $builder }, metadata: { invocationId: $run } }
  }'

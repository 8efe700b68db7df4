#!/usr/bin/env bash
# Builds the image of the commit that is checked out into an archive of `docker load`, as the pipeline does, but without a cache.
# The times in it are the commit's, so the same commit becomes the same image. Prints its digest.
# Usage: scripts/image.sh BUILDKIT_IMAGE ARCHIVE     BUILDX_BUILDER names a builder that is there already
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 2 ]] || usage
buildkit=$1 archive=$2

[[ -z $(git status --porcelain) ]] || fail "this folder differs from its commit: commit first, for the image names it"
commit=$(git rev-parse HEAD)
time=$(git log -1 --format=%ct)
if [[ -z ${BUILDX_BUILDER:-} ]]; then
  export BUILDX_BUILDER=image-$$
  docker buildx create --name "$BUILDX_BUILDER" --driver docker-container --driver-opt "image=$buildkit" >/dev/null
  trap 'docker buildx rm "$BUILDX_BUILDER" >/dev/null' EXIT
fi

# Not as the argument SOURCE_DATE_EPOCH, which buildx would take from the environment: it dates each WORKDIR, so nothing
# below one would come from the cache at the next commit.
mkdir -p "$(dirname "$archive")"
env -u SOURCE_DATE_EPOCH docker buildx build --no-cache --provenance=false \
  --build-arg "VERSION=$commit" --label "org.opencontainers.image.revision=$commit" \
  --output "type=docker,dest=$archive,rewrite-timestamp=true,source-date-epoch=$time" . >&2
crane digest --tarball "$archive"

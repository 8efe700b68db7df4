#!/usr/bin/env bash
# Builds a published image again, from the commit that its label names and without a cache, and compares the digests:
# equal, they prove that nothing is in the image but what this commit says. Else prints which files differ.
# Usage: scripts/reproduce.sh REPOSITORY@DIGEST     for this machine's platform, in a clone that has the commit
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

[[ $# == 1 && $1 == *@sha256:* ]] || usage
image=$1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

case $(uname -m) in
  x86_64) platform=linux/amd64 ;;
  aarch64 | arm64) platform=linux/arm64 ;;
  *) fail "this machine is $(uname -m): images are for linux/amd64 and linux/arm64" ;;
esac
published=$(crane digest --platform "$platform" "$image") || fail "the registry has no $image for $platform"
published=${image%@*}@$published
crane pull "$published" "$work/published.tar"

mkdir "$work/published" "$work/built"
tar -xf "$work/published.tar" -C "$work/published"
config_of() { jq . "$1/$(jq --raw-output '.[0].Config' "$1/manifest.json")"; }
commit=$(config_of "$work/published" | jq --raw-output '.config.Labels["org.opencontainers.image.revision"] // empty')
[[ $commit =~ ^[0-9a-f]{40}$ ]] || fail "$image has no label org.opencontainers.image.revision that names its commit"
# Nothing but the history that is checked out may say what runs here, whatever a label names.
git merge-base --is-ancestor "$commit" HEAD 2>/dev/null ||
  fail "commit $commit is not in the history that is checked out: git switch main && git pull"

# A clone of its own: nothing that lies about here gets in, and the commit's own Makefile says which BuildKit builds.
echo "reproduce: building $commit for $platform"
folder=$(git rev-parse --show-prefix)
git clone --quiet --no-checkout "$(git rev-parse --show-toplevel)" "$work/source"
git -C "$work/source" -c core.autocrlf=false checkout --quiet --detach "$commit"
make --no-print-directory --directory "$work/source/$folder" image ARCHIVE="$work/built.tar"
built=$(crane digest --tarball "$work/built.tar")

if [[ $published == *"@$built" ]]; then
  echo "reproduce: the same digest: $published is what $commit becomes"
  exit
fi

# What differs: the settings first, then, in layers that differ, the files by mode, owner, size, time, name and content.
echo "reproduce: $published is not what $commit becomes here, which is $built; < published, > built:" >&2
tar -xf "$work/built.tar" -C "$work/built"
difference() {
  local lines
  lines=$(diff "$work/published.$1" "$work/built.$1" | grep '^[<>]' || true)
  [[ -n $lines ]] && head -n 40 <<<"$lines" >&2
}
# files_of LAYER: its entries, one a line; none where there is no such layer.
files_of() {
  [[ -f $1 ]] || return 0
  gzip --decompress --stdout --force "$1" >"$work/layer.tar"
  TZ=UTC tar -tvf "$work/layer.tar" --numeric-owner --full-time | sort -k 6
  # shellcheck disable=SC2016 # tar's own shell fills these in
  tar -xf "$work/layer.tar" --to-command='echo "$(sha256sum | cut -c 1-64) $TAR_FILENAME"' | sort -k 2
}
for side in published built; do
  config_of "$work/$side" | jq --sort-keys 'del(.rootfs)' >"$work/$side.settings"
  jq --raw-output '.[0].Layers[]' "$work/$side/manifest.json" >"$work/$side.layers"
done
difference settings || true
number=0
while IFS='|' read -r left right; do
  number=$((number + 1))
  cmp --silent "$work/published/$left" "$work/built/$right" && continue
  echo "reproduce: layer $number differs:" >&2
  files_of "$work/published/$left" >"$work/published.files"
  files_of "$work/built/$right" >"$work/built.files"
  difference files || echo "the same files, stored in another way (compression, order)" >&2
done < <(paste -d "|" "$work/published.layers" "$work/built.layers")
exit 1

# shellcheck shell=bash disable=SC2034
# What the scripts beside this one share; each sources it before anything else, and uses its variables.
set -euo pipefail
shopt -s inherit_errexit # a command that fails inside $(…) fails there, too; but not before `||`: say `|| return` there

# --help prints a script's header; bad input prints how to call it, and nothing is done.
[[ ${1:-} != --help ]] || { sed -n '2,/^[^#]/{/^# shellcheck/d; s/^# //p}' "$0"; exit; }
usage() { sed -n 's/^# \(Usage: .*\)/\1/p' "$0" >&2; exit 2; }
fail() { echo "$(basename "$0" .sh): $*" >&2; exit 1; }

# check_passwords SINCE: fails where the development stack's database has refused the passwords of this clone since then.
check_passwords() {
  [[ $(docker compose logs --no-log-prefix --since "$1" database 2>&1) != *'password authentication failed'* ]] ||
    fail "the database's volume was made with other passwords than those in .secrets: put them back," \
      "or delete the data with docker compose down --volumes, and run make $(basename "$0" .sh) again"
}

# digest_of REFERENCE: its digest; nothing where there is no such image. Fails where the registry gives no clear answer:
# with 1, or with 3 where it does not let this login read (some say so of a repository that is not there yet, too).
digest_of() {
  local errors status=0
  errors=$(mktemp)
  crane digest "$1" 2>"$errors" || status=$?
  if [[ $status != 0 ]]; then
    # crane says `Error: … GET URL: CODE: message`; what a registry writes in its message decides nothing.
    # https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes
    case $(sed -nE 's/^Error: (fetching manifest [^ ]+: )?GET https?:[^ ]+: (unexpected status code )?([A-Z_]+|[0-9]+)[: ].*/\3/p' "$errors" | head -n 1) in
      MANIFEST_UNKNOWN | NAME_UNKNOWN | NOT_FOUND | 404) status=0 ;;
      UNAUTHORIZED | DENIED | 401 | 403) status=3 ;;
      *) status=1 ;;
    esac
    [[ $status == 0 ]] || cat "$errors" >&2
  fi
  rm -f "$errors"
  return "$status"
}

# platforms_of REFERENCE: the digests of the images in an index, one a line, sorted; else the image's own.
platforms_of() {
  local manifest
  manifest=$(crane manifest "$1") || return
  if jq --exit-status 'has("manifests")' <<<"$manifest" >/dev/null; then
    jq --raw-output '.manifests[].digest' <<<"$manifest" | sort
  else
    crane digest "$1"
  fi
}

# How cosign signs: as the workflow that runs it (https://docs.sigstore.dev/cosign/signing/overview/), or by COSIGN_KEY,
# a key of your own, without the public transparency log.
signing=(--yes)
[[ -z ${COSIGN_KEY:-} ]] || signing+=(--key "$COSIGN_KEY" --tlog-upload=false --use-signing-config=false)

# Whose signature counts: that of the builder, one workflow of this repository, on main. GitHub states which workflow asks for it.
source_url=https://github.com/acme/orders
builder=https://github.com/acme/orders/.github/workflows/build.yml@refs/heads/main
issuer=https://token.actions.githubusercontent.com

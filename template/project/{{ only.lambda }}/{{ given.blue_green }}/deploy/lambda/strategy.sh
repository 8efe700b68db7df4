# shellcheck shell=bash disable=SC2034,SC2154 # image, version and note are lib.sh's, too
# The version that had the traffic before stays, with its settings and with what is provisioned for it, so that the traffic can go back at once.

# finish: deletes every version but the one that has the traffic, the one before it, and the one that the stack has made last.
finish() {
  rm -f "$note"
  delete_versions "$(version_of live)" "${before_version:-}"
}

# go_back_to IMAGE: gives the traffic to the version that was kept, where it is of this image; else publishes it again.
go_back_to() {
  image=$1 version=$(kept_version "$1")
  [[ -n $version ]] || start || return 1
  integration_test && switch_traffic
}

# kept_version IMAGE: the newest that is of this image, by what its description begins with; nothing where none is.
kept_version() { versions | awk -v digest="${1##*@}" '$2 == digest { found = $1 } END { print found }'; }

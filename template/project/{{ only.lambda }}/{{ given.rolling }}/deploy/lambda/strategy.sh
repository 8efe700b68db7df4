# shellcheck shell=bash disable=SC2034,SC2154 # image, version and note are lib.sh's, too
# Rolling: once a version has the traffic and no alarm has fired, the others go.

# finish: deletes every version but the one that has the traffic, and the one that the stack has made last.
finish() {
  rm -f "$note"
  delete_versions "$(version_of live)"
}

# go_back_to IMAGE: publishes an earlier image again.
go_back_to() {
  image=$1
  start && integration_test && switch_traffic
}

# shellcheck shell=bash disable=SC2154 # here, service, environment, host and version are lib.sh's
# The versions of the function: which has the traffic, what one answers, which are deleted.

# about QUERY QUALIFIER: what Lambda says of a version; nothing where there is none.
about() {
  local said
  if said=$(aws lambda get-function --function-name "$service-$environment" --qualifier "$2" --query "$1" --output text 2>&1); then
    echo "$said"
  elif [[ $said != *ResourceNotFoundException* ]]; then
    echo "$said" >&2
    return 1
  fi
}

# version_of ALIAS, and the image that has the traffic; nothing before the first time.
version_of() { about Configuration.Version "$1"; }
running() { about Code.ImageUri live; }

# answers PATH STATUS: whether the version answers so. Lambda gets what a caller's request would be to it.
answers() {
  local event=$here/../../.cache/event.json said=$here/../../.cache/answer.json code
  mkdir -p "$here/../../.cache"
  jq --null-input --arg path "$1" --arg host "$host" '{
    version: "2.0", routeKey: "$default", rawPath: $path, rawQueryString: "", headers: {host: $host, accept: "application/json"}, isBase64Encoded: false,
    requestContext: {accountId: "anonymous", apiId: "test", domainName: $host, domainPrefix: "test", http: {method: "GET", path: $path, protocol: "HTTP/1.1", sourceIp: "127.0.0.1", userAgent: "deploy.sh"},
      requestId: "test", routeKey: "$default", stage: "$default", time: "01/Jan/2026:00:00:00 +0000", timeEpoch: 1767225600000}}' >"$event"
  aws lambda invoke --function-name "$service-$environment" --qualifier "$version" --payload "fileb://$event" --output text "$said" >/dev/null || return 1
  code=$(jq --raw-output '.statusCode // empty' "$said") || return 1
  # shellcheck disable=SC2053 # a pattern
  [[ $code == $2 ]] && return 0
  say "version $version answers $1 so, and not by $2: $(head -c 500 "$said")"
  return 1
}

# versions: each with what its description begins with, the digest of its image; oldest first.
versions() {
  aws lambda list-versions-by-function --function-name "$service-$environment" --output text \
    --query "Versions[?Version != '\$LATEST'].[Version, Description]"
}

# delete_versions KEPT...: all but these, and the one that the stack has made last: what it holds stays its own.
delete_versions() {
  local kept one
  kept=" $* $(ask function "Outputs[?OutputKey=='Version'] | [0].OutputValue") " || return 0 # which the stack has made, is not known
  for one in $(versions | cut -f 1); do
    [[ $kept == *" $one "* ]] ||
      aws lambda delete-function --function-name "$service-$environment" --qualifier "$one" --output text >/dev/null ||
      say "version $one is left, for the next deployment to delete"
  done
}

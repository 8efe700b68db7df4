"""What stands for `gh`, for the scanner, whose database is in the Internet, and for `go install` of what is there."""

from pathlib import Path

# Answers from STATE (a JSON object), and notes what it was asked to do.
GH = r"""#!/usr/bin/env bash
set -euo pipefail
[[ -n ${GH_TOKEN:-} ]] || { echo "gh: set the GH_TOKEN environment variable" >&2; exit 4; }
note() { jq --null-input --compact-output '$ARGS.named' --arg what "$@" >> "$NOTES"; }
option() { # NAME ARGUMENTS...: an option's value
  local name=$1
  shift
  while [[ $# -gt 1 ]]; do [[ $1 != "$name" ]] || { echo "$2"; return; }; shift; done
}
answer() { jq --raw-output "$(option --jq "$@")"; }
case "$1 $2" in
  "api repos/"*/commits/main) jq '.main | {sha: .}' "$STATE" | answer "$@" ;;
  "api repos/"*/environments/*)
    found=$(jq --arg name "${2##*/}" '.environments[$name] // empty' "$STATE")
    [[ -n $found ]] || { echo "gh: Not Found (HTTP 404)" >&2; exit 1; }
    answer "$@" <<<"$found" ;;
  "run list")
    jq --arg workflow "$(option --workflow "$@")" --arg status "$(option --status "$@")" \
      '.runs | map(select(.workflow == $workflow and ([.status, .conclusion, ""] | index($status)) != null))' "$STATE" |
      answer "$@" ;;
  "workflow run") note dispatch --arg arguments "${*:3}" ;;
  "issue list") echo '[]' | answer "$@" ;;
  "issue create") note issue --arg title "$(option --title "$@")" ;;
  *) echo "gh: what is $*?" >&2; exit 1 ;;
esac
"""

# The scanner's image is led to one that is here: no image by digest can be made.
DOCKER = """#!/usr/bin/env bash
set -euo pipefail
arguments=()
for argument in "$@"; do
  [[ $argument != aquasec/trivy:*@sha256:* ]] || argument=shipshape-test/workflow:scanner
  arguments+=("$argument")
done
# Each job has a machine of its own: the database of an earlier one, with other passwords, is not there.
if [[ $1 == compose ]]; then
  trap '{docker} compose down --volumes >/dev/null 2>&1' EXIT
  {docker} "${{arguments[@]}}"
  exit
fi
exec {docker} "${{arguments[@]}}"
"""

# Of exactly the version that is asked for.
GO = """#!/usr/bin/env bash
set -euo pipefail
[[ $1 == install ]]
case $2 in
{tools}
  *) echo "go: what is $2?" >&2; exit 1 ;;
esac
"""

# Its reports have the form of Trivy's: https://trivy.dev/latest/docs/configuration/reporting/#json
SCANNER = """#!/usr/local/bin/python3
import datetime, json, os, sys
command, arguments = sys.argv[1], sys.argv[2:]
option = lambda name: arguments[arguments.index(name) + 1]
mode = open("/work/SCANNER").read().strip() if os.path.exists("/work/SCANNER") else ""
if mode == "broken":
    sys.exit("FATAL: failed to download vulnerability DB")
if command == "convert":
    now = datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
    report = json.load(open(arguments[-1]))
    written = {"scanner": {"result": report}, "metadata": {"scanStartedOn": now, "scanFinishedOn": now}}
    json.dump({"runs": []} if option("--format") == "sarif" else written, open(option("--output"), "w"))
else:
    found = [{"VulnerabilityID": "CVE-2026-1", "PkgName": "openssl", "Severity": "HIGH", "FixedVersion": "2"}]
    results = [{"Target": "os", "Vulnerabilities": found if mode == "found" and command == "image" else []}]
    json.dump({"Results": results}, open(option("--output"), "w"))
"""


def write(folder: Path, docker: str, tools: dict[str, tuple[str, str]]) -> None:
    """Make the programs in `folder`. `tools`: name to the package that is asked for and the program that it is."""
    cases = "\n".join(
        f'  {package}) ln --symbolic --force {program} "{folder}/{name}" ;;'
        for name, (package, program) in tools.items()
    )
    for name, text in {"gh": GH, "docker": DOCKER.format(docker=docker), "go": GO.format(tools=cases)}.items():
        path = folder / name
        path.write_text(text)
        path.chmod(0o755)

"""What stands for the actions that need GitHub: each checks what it is given, and notes what it was asked to do.

An action is its inputs, and a bash script that has them as `INPUT_…`; act finds it under the real one's name.
"""

import json
from dataclasses import dataclass
from pathlib import Path

NOTE = 'note() { jq --null-input --compact-output \'$ARGS.named\' --arg what "$@" >> "$NOTES"; }\n'


@dataclass(frozen=True)
class Action:
    run: str
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    folder: str = "."


ACTIONS = {
    # Each job starts with an empty folder, and gets a commit of the repository.
    "actions/checkout": Action(
        """
        [[ $INPUT_PERSIST_CREDENTIALS == false ]]
        find . -mindepth 1 -delete
        git -c init.defaultBranch=checkout init --quiet .
        git remote add origin "$ORIGIN"
        depth=--depth=1
        if [[ $INPUT_FETCH_DEPTH == 0 ]]; then
          git fetch --quiet origin
          depth=--no-tags
        fi
        git fetch --quiet "$depth" origin "${INPUT_REF:-$GITHUB_SHA}"
        git checkout --quiet FETCH_HEAD
        """,
        ("ref", "persist-credentials", "fetch-depth", "filter"),
    ),
    "actions/setup-go": Action(
        "[[ $INPUT_CACHE == false && $INPUT_GO_VERSION =~ ^[0-9]+([.][0-9]+){2}$ ]]", ("go-version", "cache")
    ),
    "actions/upload-artifact": Action(
        """
        [[ $INPUT_INCLUDE_HIDDEN_FILES == true && $INPUT_RETENTION_DAYS == 1 ]]
        mkdir "$ARTIFACTS/$INPUT_NAME"
        [[ ! -d $INPUT_PATH ]] || INPUT_PATH=$INPUT_PATH/.
        cp -r $INPUT_PATH "$ARTIFACTS/$INPUT_NAME"
        """,
        ("name", "path", "include-hidden-files", "compression-level", "retention-days"),
    ),
    "actions/download-artifact": Action(
        """
        mkdir -p "$INPUT_PATH"
        cp -r "$ARTIFACTS"/${INPUT_NAME:-*}/. "$INPUT_PATH"
        """,
        ("name", "path", "merge-multiple"),
    ),
    "actions/dependency-review-action": Action("note review", ("fail-on-severity",)),
    "docker/setup-buildx-action": Action(
        """
        [[ $INPUT_DRIVER_OPTS == image=moby/buildkit:*@sha256:* ]]
        echo "name=default" >> "$GITHUB_OUTPUT"
        """,
        ("driver-opts",),
        ("name",),
    ),
    # Caches are GitHub's: what the step says of them is noted.
    "docker/build-push-action": Action(
        """
        [[ $INPUT_OUTPUTS =~ ^type=docker,dest=([^,]+),rewrite-timestamp=true,source-date-epoch=[0-9]+$ ]]
        archive=${BASH_REMATCH[1]}
        [[ $INPUT_PROVENANCE == false ]]
        folder=${INPUT_CONTEXT#'{{defaultContext}}'} folder=.${folder/#:/\\/}
        note build --arg cache_to "$INPUT_CACHE_TO" --arg no_cache "$INPUT_NO_CACHE"
        docker build --quiet --tag "$INPUT_TAGS" --build-arg "$INPUT_BUILD_ARGS" --label "$INPUT_LABELS" "$folder"
        docker save --output "$archive" "$INPUT_TAGS"
        """,
        ("context", "outputs", "tags", "build-args", "labels", "no-cache", "cache-from", "cache-to", "provenance"),
    ),
    "docker/login-action": Action(
        """
        [[ $INPUT_PASSWORD == of-the-registry ]] || { echo "no such password: '$INPUT_PASSWORD'" >&2; exit 1; }
        note login --arg job "$GITHUB_JOB"
        """,
        ("registry", "username", "password"),
    ),
    "sigstore/cosign-installer": Action("cosign version >/dev/null", ("cosign-release",)),
    "github/codeql-action": Action(
        "test -s \"$INPUT_SARIF_FILE\"; note findings", ("sarif_file", "category"), folder="upload-sarif"
    ),
}  # fmt: skip


def write(folder: Path, pins: dict[str, str]) -> list[str]:
    """Make the actions in `folder`; act's options that lead to them. `pins` has the commit of each action."""
    options = []
    for name, action in ACTIONS.items():
        home = folder / name
        (home / action.folder).mkdir(parents=True)
        variables = {f"INPUT_{one.upper().replace('-', '_')}": f"${{{{ inputs.{one} }}}}" for one in action.inputs}
        step = {"id": "all", "shell": "bash", "env": variables, "run": NOTE + action.run}
        content = {
            "name": name,
            "inputs": {one: {"default": ""} for one in action.inputs},
            "outputs": {one: {"value": f"${{{{ steps.all.outputs.{one} }}}}"} for one in action.outputs},
            "runs": {"using": "composite", "steps": [step]},
        }
        (home / action.folder / "action.yml").write_text(json.dumps(content))
        options += ["--local-repository", f"{name}@{pins[name]}={home}"]
    return options

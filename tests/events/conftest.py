"""A rendered repository on a GitHub that is this machine; the registry is the engine's, and Sigstore runs here, too."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.events import actions, programs
from tests.events.github import GitHub
from tests.pipeline.run import SOURCE
from tests.support import engine, sigstore
from tests.support.render import TEMPLATE, git, render
from tests.support.sigstore import Sigstore
from tests.support.tools import go_tool

REGISTRY = "127.0.0.1:5000"
# In the place of the scripts that need a host: it notes what it is asked for, and by the files of which commit.
DEPLOYMENT = """#!/usr/bin/env bash
set -euo pipefail
jq --null-input --compact-output '$ARGS.named' --arg what "$(basename "$0" .sh)" --arg arguments "$*" \\
  --arg commit "$(git rev-parse HEAD)" >> "$NOTES"
[[ $(basename "$0" .sh) == recover || ${FAIL:-} != "$1" ]]
"""


@pytest.fixture(scope="module")
def keyless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sigstore]:
    with sigstore.running(tmp_path_factory.mktemp("sigstore")) as services:
        yield services


# What an event starts does not depend on the language: two are enough, and all events with one of them.
LANGUAGES = ["go", "python"]


@pytest.fixture(scope="module", params=LANGUAGES)
def github(
    request: pytest.FixtureRequest,
    plain_template: Path,
    keyless: Sigstore,
    tmp_path_factory: pytest.TempPathFactory,
) -> GitHub:
    folder = tmp_path_factory.mktemp(request.param)
    project = render(
        plain_template, folder / "orders-api", language=request.param, service_name="orders-api",
        repository=SOURCE, registry="private", registry_host=REGISTRY, image_namespace=namespace(folder),
    )  # fmt: skip
    return hosted(folder, project, keyless, project)


def namespace(folder: Path) -> str:
    """The images' of this run, which no other has."""
    return f"test/{folder.name}-{os.getpid()}"


def hosted(folder: Path, repository: Path, keyless: Sigstore, *services: Path) -> GitHub:
    """The first commit of a repository with services in these folders; the last one's database runs here."""
    for service in services:
        for script in ("deploy", "rollback", "recover"):
            path = service / f"deploy/compose/{script}.sh"
            path.write_text(DEPLOYMENT)
            path.chmod(0o755)
    for workflow in repository.glob(".github/workflows/*.yml"):  # which act does not know yet
        workflow.write_text(workflow.read_text().replace("      queue: max\n", ""))
    pins = {name: str(pin) for name, pin in TEMPLATE.table("pins")["actions"].items()}
    options = actions.write(folder / "actions", pins)
    tools = TEMPLATE.table("pins")["tools"]
    (folder / "bin").mkdir()
    docker = shutil.which("docker")
    assert docker
    programs.write(folder / "bin", docker, {name: (tools[name], go_tool(name)) for name in ("crane", "syft")})
    programs_path = os.pathsep.join([str(folder / "bin"), str(Path(go_tool("cosign")).parent), os.environ["PATH"]])
    environment = engine.environment() | {"PATH": programs_path, "SYFT_CHECK_FOR_APP_UPDATE": "false"}
    scanner(folder / "scanner")
    here = engine.compose_environment(services[-1], folder / "stand-ins")
    stand_ins = {name: value for name, value in here.items() if os.environ.get(name) != value}
    there = GitHub(go_tool("act"), repository, folder, environment, options, told=keyless.environment() | stand_ins)
    there.commit("The first commit")
    git(repository, "remote", "add", "origin", f"https://github.com/{SOURCE}")  # by which act knows its name
    return there


def scanner(context: Path) -> None:
    context.mkdir()
    (context / "trivy").write_text(programs.SCANNER)
    (context / "trivy").chmod(0o755)
    base = TEMPLATE.table("pins")["images"]["python-3.14"]
    (context / "Dockerfile").write_text(f'FROM {base}\nCOPY trivy /usr/local/bin/trivy\nENTRYPOINT ["trivy"]\n')
    engine.build(context, "--tag=shipshape-test/workflow:scanner")

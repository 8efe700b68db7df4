"""A rendered repository's scripts, the tools that its workflow would install, and a registry on this machine."""

import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.pipeline.run import Pipeline
from tests.support import engine, sigstore
from tests.support.engine.container import free_port
from tests.support.render import COMBINATIONS
from tests.support.sigstore import Sigstore
from tests.support.tools import go_tool, place_of

REGISTRY = "127.0.0.1:5000"  # the stand-ins' own


TOOLS = ("crane", "cosign", "syft")


@pytest.fixture(scope="session")
def pipeline(registry: str, rendered: Callable[[Answers], Path], tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """The rendered scripts; who runs one that calls a tool uses the fixture `tools`, too."""
    folder = tmp_path_factory.mktemp("pipeline")
    environment = engine.environment() | {
        "PATH": os.pathsep.join([*{str(place_of(tool).parent) for tool in TOOLS}, os.environ["PATH"]]),
        "COSIGN_PASSWORD": "",
        "SYFT_CHECK_FOR_APP_UPDATE": "false",
    }
    project = Path(shutil.copytree(rendered(COMBINATIONS[0]), folder / "project"))
    return Pipeline(project, f"{registry}/test/{folder.name}-{os.getpid()}", environment, folder)


@pytest.fixture(scope="session")
def tools(pipeline: Pipeline) -> None:
    """Build what the workflow would install, and make two pairs of keys."""
    for name in TOOLS:
        go_tool(name)
    for key in ("owner", "stranger"):
        pipeline.succeed("cosign", "generate-key-pair", f"--output-key-prefix={pipeline.folder / key}")


@pytest.fixture(scope="module")
def keyless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sigstore]:
    with sigstore.running(tmp_path_factory.mktemp("sigstore")) as services:
        yield services


@pytest.fixture(scope="session")
def registry() -> Iterator[str]:
    """A registry on this machine: the one that is there, else crane's own."""
    if answers(REGISTRY):
        yield REGISTRY
        return
    address = f"127.0.0.1:{free_port()}"
    with subprocess.Popen(
        [go_tool("crane"), "registry", "serve", "--address", address], stderr=subprocess.DEVNULL
    ) as own:
        deadline = time.monotonic() + 10
        while not answers(address):
            assert time.monotonic() < deadline, "crane's registry does not answer"
            time.sleep(0.05)
        yield address
        own.terminate()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/v2/", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="session")
def service(pipeline: Pipeline) -> str:
    """The rendered service's image."""
    name = "shipshape-test/pipeline:tested"
    engine.build(pipeline.project, f"--tag={name}", "--build-arg=VERSION=tested")
    return name

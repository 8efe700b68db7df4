"""Where dependencies are compiled, a changed lock file compiles only what changed: the others wait for minutes."""

import re
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.image.conftest import LANGUAGES, label_of
from tests.support import engine

pytestmark = pytest.mark.engine

RUST = [answers for answers in LANGUAGES if answers["language"] == "rust"]


@pytest.mark.parametrize("answers", RUST, ids=label_of)
def test_another_version_of_a_dependency_is_compiled_alone(
    answers: Answers, rendered: Callable[[Answers], Path], tmp_path: Path
) -> None:
    project = Path(shutil.copytree(rendered(answers), tmp_path / "orders-api"))
    fresh(project)  # the layers may be cached where the folder that Cargo keeps is not
    engine.build(project, "--target=deps", "--output=type=cacheonly")
    with engine.built(project, "--target=base") as tools:
        engine.docker(
            "run", "--rm", "--network=host", f"--volume={project}:/project", "--workdir=/project", "--entrypoint=",
            tools, "cargo", "update", "humantime", "--precise=2.2.0",
        )  # fmt: skip
    fresh(project)
    log = engine.build(project, "--target=deps", "--output=type=cacheonly")
    compiled = set(re.findall(r"Compiling (\S+) v", log))
    assert {"platform", "service"} <= compiled <= {"humantime", "platform", "service"}  # the first in a first run alone


def fresh(project: Path) -> None:
    """Make its manifest one that was never built, with the same dependencies."""
    with (project / "Cargo.toml").open("a") as manifest:
        manifest.write(f"# {uuid.uuid4()}: not built before\n")

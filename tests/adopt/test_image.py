"""Each owner's code, built by the Dockerfile that it gets, started as production does, and asked."""

from pathlib import Path

import pytest

from tests.adopt.cases import CASES, Case
from tests.support import engine
from tests.support.tools import run

pytestmark = pytest.mark.engine
BUILT = [case for case in CASES if not case.not_built]


@pytest.mark.parametrize("case", BUILT, ids=[case.name for case in BUILT])
def test_their_own_service_answers(case: Case, project: Path) -> None:
    with engine.built(project) as image:
        said = run(["ship/smoke.sh", image, str(case.answers["port"]), "512"], cwd=project, env=engine.environment())
    assert f"smoke: {image} answers, " in said


@pytest.mark.parametrize("case", BUILT, ids=[case.name for case in BUILT])
def test_its_stages_of_lint_and_test_run(case: Case, project: Path) -> None:
    for stage in ("lint", "test"):
        if f"{stage}_command" in case.answers:
            engine.build(project, f"--target={stage}", "--output=type=cacheonly")


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_docker_finds_nothing_to_say(case: Case, project: Path) -> None:
    if case.answers["language"] != "other":
        assert "no warnings found" in engine.docker("build", "--check", str(project))

"""cfn-lint, its hints included, and shellcheck have nothing to say about any of the renderings."""

from collections.abc import Callable
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.ecs.test_rules import MATRIX
from tests.support.tools import run


@pytest.fixture(params=MATRIX, ids=lambda one: f"{one['deployment_strategy']}-{one['registry']}-{one['language']}")
def project(request: pytest.FixtureRequest, rendered: Callable[[Answers], Path]) -> Path:
    return rendered(request.param)


def test_cfn_lint(project: Path) -> None:
    templates = sorted(map(str, (project / "deploy/ecs").glob("*.yml")))
    assert len(templates) == 5
    run(["cfn-lint", "--include-checks", "I", "--", *templates])


def test_shellcheck(project: Path) -> None:
    scripts = sorted(str(path.relative_to(project)) for path in (project / "deploy/ecs").glob("*.sh"))
    assert len(scripts) == 5
    run(["shellcheck", "--severity=style", "--external-sources", *scripts], cwd=project)

"""Every answer about Kubernetes, rendered and put together by kubectl once for all tests."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.support.cluster.manifests import Rendered, kubectl, read_sets, write_sets
from tests.support.render import name_of
from tests.support.render.answers import KUBERNETES


@pytest.fixture(scope="session")
def put_together(rendered: Callable[[Answers], Path], once: Callable[..., Path]) -> Callable[[int], Rendered]:
    @cache
    def of(index: int) -> Rendered:
        kubectl()
        answers = KUBERNETES[index]
        project = rendered(answers)
        folder = once(f"sets-{name_of(answers)}", lambda fresh: write_sets(project, fresh))
        return Rendered(answers, project, folder, read_sets(folder))

    return of


@pytest.fixture(params=range(len(KUBERNETES)), ids=[name_of(answers) for answers in KUBERNETES])
def kubernetes(request: pytest.FixtureRequest, put_together: Callable[[int], Rendered]) -> Rendered:
    """One combination of answers; for tests that only read."""
    return put_together(request.param)

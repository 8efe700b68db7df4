"""Each repository, adopted once for all tests that only read it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.adopt.cases import CASES, NAMES, Case, adopted


@pytest.fixture(params=CASES, ids=NAMES)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture
def project(case: Case, plain_template: Path, once: Callable[..., Path]) -> Path:
    folder = once(f"adopted-{case.name}", lambda fresh: adopted(case, plain_template, fresh / "orders-api"))
    return folder / "orders-api"

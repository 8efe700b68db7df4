"""Two services in one repository, of all that a pair of answers differs in."""

from collections.abc import Callable
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.services.repository import PAIRS, add, name_of_pair

Pair = tuple[Answers, Answers]


@pytest.fixture(scope="session")
def together(plain_template: Path, once: Callable[..., Path]) -> Callable[[Pair], Path]:
    """The repository of a pair, for tests that only read it."""

    def repository(pair: Pair) -> Path:
        def fill(folder: Path) -> None:
            for name, answers in zip(("orders", "payments"), pair, strict=True):
                add(plain_template, folder, name, **answers)

        return once(f"together-{name_of_pair(pair)}", fill)

    return repository


@pytest.fixture(params=PAIRS, ids=name_of_pair)
def repository(request: pytest.FixtureRequest, together: Callable[[Pair], Path]) -> Path:
    return together(request.param)

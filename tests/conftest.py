"""What all layers share: a released copy of the template, and renderings of it."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.support import engine, figures
from tests.support.render import COMBINATIONS, NO_SETTINGS, ORDERS, name_of, released_copy, render

Render = Callable[..., Path]


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_the_machine() -> None:
    os.environ.update(NO_SETTINGS)
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):  # of the make that runs the tests
        os.environ.pop(name, None)
    # the linters and commands that were installed beside this Python
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, _no_settings_of_the_machine: None) -> Path:
    return released_copy(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session")
def rendered(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Answers], Path]:
    """Render a combination once for all tests that only read it."""
    done: dict[str, Path] = {}

    def once(answers: Answers) -> Path:
        name = name_of(answers)
        if name not in done:
            done[name] = render(template, tmp_path_factory.mktemp(name) / "orders-api", **ORDERS, **answers)
        return done[name]

    return once


@pytest.fixture(params=COMBINATIONS, ids=name_of)
def combination(request: pytest.FixtureRequest) -> Answers:
    answers: Answers = request.param
    return answers


@pytest.fixture
def project(combination: Answers, rendered: Callable[[Answers], Path]) -> Path:
    """The rendering of one combination, for tests that only read it."""
    return rendered(combination)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without an engine its tests are skipped, aloud; in CI that is a failure."""
    marked = [item for item in items if item.get_closest_marker("engine")]
    if not marked or "not engine" in config.getoption("markexpr"):
        return
    reason = engine.missing()
    if not reason:
        return
    if os.environ.get("CI") == "true":
        raise pytest.UsageError(f"CI needs a Docker engine: {reason}")
    for item in marked:
        item.add_marker(pytest.mark.skip(reason=f"needs a Docker engine: {reason}"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that the tests measured."""
    if lines := figures.table():
        terminalreporter.section("figures")
        for line in lines:
            terminalreporter.write_line(line)

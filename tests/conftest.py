"""What all layers share: a released copy of the template, and renderings of it."""

import fcntl
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.support import engine, figures
from tests.support.render import COMBINATIONS, NO_SETTINGS, ORDERS, name_of, plain_copy, released_copy, render

Render = Callable[..., Path]


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_the_machine() -> None:
    os.environ.update(NO_SETTINGS)
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):  # of the make that runs the tests
        os.environ.pop(name, None)
    # the linters and commands that were installed beside this Python
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of all the workers of a run."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def once(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Make a folder once for all the workers of a run; who comes second uses what the first has made."""

    def make(name: str, fill: Callable[[Path], object]) -> Path:
        folder = shared / name
        if folder.exists():
            return folder
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():  # nor has another worker made it meanwhile
                fresh = tmp_path_factory.mktemp("fresh")
                fill(fresh)
                fresh.rename(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def template(once: Callable[..., Path], _no_settings_of_the_machine: None) -> Path:
    return once("template", released_copy)


@pytest.fixture(scope="session")
def plain_template(once: Callable[..., Path], _no_settings_of_the_machine: None) -> Path:
    return once("plain", plain_copy)


@pytest.fixture(scope="session")
def rendered(plain_template: Path, once: Callable[..., Path]) -> Callable[[Answers], Path]:
    """Render a combination once for all tests that only read it."""

    def rendering(answers: Answers) -> Path:
        folder = once(name_of(answers), lambda fresh: render(plain_template, fresh / "orders-api", **ORDERS, **answers))
        return folder / "orders-api"

    return rendering


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

"""What all layers share: a released copy of the template, and renderings of it."""

import fcntl
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.support import engine
from tests.support.render import COMBINATIONS, NO_SETTINGS, ORDERS, name_of, plain_copy, released_copy, render
from tests.support.run import budgets, figures, lanes, linted, memory
from tests.support.run.failures import Failures
from tests.support.run.lanes import pytest_xdist_make_scheduler
from tests.support.run.thorough import is_thorough

__all__ = ["pytest_xdist_make_scheduler"]  # a hook
Render = Callable[..., Path]
TIMES, START = pytest.StashKey[budgets.Times](), pytest.StashKey[float]()


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
def is_new(shared: Path) -> linted.IsNew:
    """Whether no linter of this run has yet seen these files."""
    return linted.unseen(shared)


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


@pytest.fixture(scope="session")
def built(rendered: Callable[[Answers], Path], once: Callable[..., Path]) -> Callable[..., str]:
    """The image of a language, built once for all tests that only run it; VERSION is for them to set.

    It depends on the language, its version and the cache alone: see tests/render/test_dependence.py.
    """

    def image(language: str, cache: str = "none") -> str:
        answers = next(one for one in COMBINATIONS if one["language"] == language)
        tag = "v1" if cache == "none" else cache
        name = f"shipshape-test/{language}-{answers['language_version']}:{tag}"
        project = rendered(answers if cache == "none" else answers | {"cache": cache})
        once(f"built-{language}-{tag}", lambda _: engine.build(project, f"--tag={name}", "--build-arg=VERSION=1.2.3"))
        return name

    return image


@pytest.fixture(params=COMBINATIONS, ids=name_of)
def combination(request: pytest.FixtureRequest) -> Answers:
    answers: Answers = request.param
    return answers


@pytest.fixture
def project(combination: Answers, rendered: Callable[[Answers], Path]) -> Path:
    """The rendering of one combination, for tests that only read it."""
    return rendered(combination)


def pytest_itemcollected(item: pytest.Item) -> None:
    if is_thorough(item.nodeid):
        item.add_marker(pytest.mark.thorough)


@pytest.hookimpl(trylast=True)  # for the order of those that are run
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without an engine its tests are skipped, aloud; in CI that is a failure."""
    marked = [item for item in items if item.get_closest_marker("engine")]
    order: dict[object, int] = {}
    turns = lanes.turns(item.nodeid for item in items)
    items.sort(key=lambda item: (turns[item.nodeid], order.setdefault(lanes.image_of(item), len(order))))
    if not marked or "not engine" in config.getoption("markexpr"):
        return
    reason = engine.missing()
    if not reason:
        return
    if os.environ.get("CI") == "true":
        raise pytest.UsageError(f"CI needs a Docker engine: {reason}")
    for item in marked:
        item.add_marker(pytest.mark.skip(reason=f"needs a Docker engine: {reason}"))


def pytest_configure(config: pytest.Config) -> None:
    """Memory for the files of a run without an engine; in the process that prints, the figures' file and the times."""
    if "not engine" in config.getoption("markexpr"):
        memory.use()
    if "PYTEST_XDIST_WORKER" not in os.environ:
        if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # in the background of `make test`, which Ctrl-C ends
            signal.signal(signal.SIGINT, signal.default_int_handler)
        handle, os.environ[figures.FILE] = tempfile.mkstemp()
        os.close(handle)
        config.stash[TIMES] = budgets.Times(os.environ.get(budgets.RUN, "tests"))
        config.stash[START] = time.monotonic()
        config.pluginmanager.register(Stopwatch(config.stash[TIMES]))
        if os.environ.get("CI") == "true":
            config.pluginmanager.register(Failures(config))


class Stopwatch:
    """Adds up the seconds of a test's phases, whichever worker ran it."""

    def __init__(self, times: budgets.Times) -> None:
        self.times = times

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.times.add(report.nodeid, report.duration)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the figures that the tests measured, and what their layers took."""
    if TIMES not in config.stash:
        return
    path = Path(os.environ[figures.FILE])
    if lines := figures.table(path):
        terminalreporter.section("figures")
        for line in lines:
            terminalreporter.write_line(line)
    path.unlink()
    times = config.stash[TIMES]
    if budgets.RUN in os.environ and times.tests:
        times.seconds, times.load = time.monotonic() - config.stash[START], os.getloadavg()[0]
        budgets.keep(times)
        terminalreporter.section("budgets")
        for row in budgets.table(times):
            terminalreporter.write_line(row.text, red=row.over)

"""The layers: each folder of tests has its budget, its row in tests/README.md, and is found by what it is for."""

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from itertools import groupby
from pathlib import Path

import pytest

from tests.support.cluster import node, wait_until
from tests.support.paths import ROOT
from tests.support.run import changes, memory, thorough
from tests.support.run.budgets import Times, table
from tests.support.run.lanes import group_of
from tests.support.run.layers import QUICK, REAL, RUNS

FOLDERS = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}

MARK = re.compile(r"^(@|pytestmark = )pytest\.mark\.engine", re.MULTILINE)


def test_each_folder_has_a_budget_and_a_row() -> None:
    assert {layer.name for layer in [*QUICK, *REAL]} == FOLDERS
    text = (ROOT / "tests/README.md").read_text()
    assert set(re.findall(r"^\| (\w+) \| ", text, re.MULTILINE)) - {"layer", "command"} == FOLDERS


def test_each_folder_with_an_engine_is_a_real_layer() -> None:
    marked = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py") if MARK.search(path.read_text())}
    assert {layer.name for layer in REAL} == marked


def test_a_layer_over_its_budget_is_said() -> None:
    within, over = Times("quick", 60), Times("quick", RUNS["quick"] + 1)
    for times in (within, over):
        times.add("tests/ecs/test_scripts.py::test_one", 1000 if times is over else 1)
        times.add("tests/tool/test_preview.py::test_one", 2)
    assert not [line.text for line in table(within) if line.over]
    assert [line.text.split()[0] for line in table(over) if line.over] == ["quick", "ecs"]


@pytest.mark.parametrize(
    ("node", "group"),
    [
        ("tests/cluster/test_rollout.py::test_a[rolling-go]", "cluster versions"),
        ("tests/cluster/test_network.py::test_a", "cluster"),
        ("tests/host/test_machine.py::test_a", "host"),
        ("tests/image/test_image.py::test_a[python-3.14]", "image python"),
        ("tests/compose/test_compose.py::test_a[go-1.27-ghcr-compose]", "compose go"),
        ("tests/compose/test_compose.py::test_a", "compose"),
    ],
)
def test_tests_that_share_something_are_of_one_group(node: str, group: str) -> None:
    assert group_of(node) == group


def test_a_group_runs_in_one_lane(tmp_path: Path) -> None:
    """In a run of its own: every worker writes down its tests."""
    for name in ("cluster", "host"):
        folder = tmp_path / "tests" / name
        folder.mkdir(parents=True)
        (folder / f"test_{name}.py").write_text(LANE)
    (tmp_path / "conftest.py").write_text("from tests.support.run.lanes import pytest_xdist_make_scheduler\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = engine\n")
    command = [sys.executable, "-m", "pytest", "-n2", "-mengine", "-pno:cacheprovider", "--no-loadscope-reorder"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "WRITTEN": str(tmp_path / "written")}
    environment.pop("PYTEST_XDIST_WORKER", None)
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)
    assert "16 passed" in done.stdout, done.stdout + done.stderr
    lines = (tmp_path / "written").read_text().split()
    assert len(set(lines)) == 2, "a layer in two lanes, or both in one"


LANE = """
import os, pathlib, pytest, time
pytestmark = pytest.mark.engine
@pytest.mark.parametrize("number", range(8))
def test_it(number):
    time.sleep(0.1)
    with open(os.environ["WRITTEN"], "a") as file:
        file.write(pathlib.Path(__file__).stem + os.environ["PYTEST_XDIST_WORKER"] + chr(10))
"""


def test_one_layer_alone_has_not_the_budget_of_the_whole() -> None:
    times = Times("quick", 60)
    times.add("tests/tool/test_preview.py::test_one", 2)
    assert "no budget" in table(times)[0].text


@pytest.mark.parametrize(
    ("path", "tests"),
    [
        ("template/project/{{ only.ecs }}/deploy/ecs/deploy.sh.jinja", {"tests/ecs", "tests/render"}),
        ("tests/tool/test_preview.py", {"tests/tool/test_preview.py"}),
        ("tests/support/aws/cloud.py", {"tests/ecs"}),
        (".github/workflows/ci.yml", {"tests/render/test_pins.py", "tests/lint"}),
    ],
)
def test_a_change_runs_what_it_can_break(path: str, tests: set[str]) -> None:
    assert set(changes.breaks(path)) == tests


def test_what_a_change_runs_is_there() -> None:
    named = {test for _, tests in changes.BREAKS for test in tests if "{" not in test} | set(changes.ALWAYS)
    assert [test for test in named if not (ROOT / test).exists()] == []
    printed = subprocess.run(
        [sys.executable, "-m", "tests.support.run.changes"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    assert printed.strip(), "no argument would be all tests"


@pytest.mark.parametrize("why_not", ["chosen", "too little room", None])
def test_temporary_files_are_in_memory_where_nothing_speaks_against_it(
    why_not: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(memory, "MEMORY", tmp_path)
    monkeypatch.setattr(memory, "ENOUGH", 1 << 60 if why_not == "too little room" else 1)
    if why_not == "chosen":
        monkeypatch.setenv("TMPDIR", "/var/tmp")  # noqa: S108 - a place that somebody has chosen
    memory.use()
    assert (tempfile.gettempdir() == str(tmp_path)) is (why_not is None)


def test_who_wants_the_node_alone_is_next(tmp_path: Path) -> None:
    """Other lanes end what they do, and begin nothing: a lock that is only shared might never be free."""
    now: set[int] = set()
    turns: list[int] = []
    enough = threading.Event()

    def lane(number: int) -> None:
        while not enough.is_set():
            with node.held(alone=False, folder=tmp_path):
                turns.append(number)
                now.add(number)
                time.sleep(0.02)
                now.discard(number)

    lanes = [threading.Thread(target=lane, args=(number,)) for number in range(4)]
    for thread in lanes:
        thread.start()
    try:
        for _ in range(5):
            wait_until("many at once", lambda: len(now) > 1, seconds=10)
            before = len(turns)
            with node.held(alone=True, folder=tmp_path):
                assert not now
                assert len(turns) - before <= len(lanes)
    finally:
        enough.set()
        for thread in lanes:
            thread.join()


ORDER = """
import pytest

class Order:
    def pytest_collection_finish(self, session):
        from tests.support.run.lanes import image_of
        for item in session.items:
            print("asks:", image_of(item))

pytest.main(["--collect-only", "-q", "-n0", "-m", "engine", "-p", "no:cacheprovider", "tests/image"], plugins=[Order()])
"""


def test_the_tests_of_a_service_follow_each_other() -> None:
    """Or all that waits for it, and its containers, begin anew."""
    said = subprocess.run([sys.executable, "-c", ORDER], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    asked = [line.partition(": ")[2] for line in said.splitlines() if line.startswith("asks: ")]
    runs = [service for service, _ in groupby(asked) if service]
    assert len(runs) > 9
    assert len(runs) == len(set(runs))


def test_what_is_left_to_a_thorough_run_is_there_and_not_all() -> None:
    """Each entry finds tests; and every run has some of the same function, where the entry does not say otherwise."""
    entries = thorough.entries()
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n0", "-p", "no:cacheprovider"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    tests = [line for line in said.splitlines() if "::" in line]
    kept = {function_of(node) for node in tests if not thorough.is_thorough(node)}
    for entry in entries:
        found = {function_of(node) for node in tests if entry.has(node)}
        assert found, entry.tests
        assert found.isdisjoint(kept) or not entry.whole, entry.tests
    whole = [entry for entry in entries if entry.whole]
    left = {node for node in tests if function_of(node) not in kept}
    assert [node for node in left if not any(entry.has(node) for entry in whole)] == []


def function_of(node: str) -> str:
    return node.partition("[")[0]

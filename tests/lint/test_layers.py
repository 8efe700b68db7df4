"""The layers: each folder of tests has its budget, its row in tests/README.md, and is found by what it is for."""

import re
import subprocess
import sys

import pytest

from tests.support.paths import ROOT
from tests.support.run import changes
from tests.support.run.budgets import Times, table
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


def test_one_layer_alone_has_not_the_budget_of_the_whole() -> None:
    times = Times("quick", 60)
    times.add("tests/tool/test_preview.py::test_one", 2)
    assert "no budget" in table(times)[0].text


@pytest.mark.parametrize(
    ("path", "tests"),
    [
        ("template/project/{{ only.ecs }}/deploy/ecs/deploy.sh", {"tests/ecs", "tests/render"}),
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

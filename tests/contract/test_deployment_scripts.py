"""The scripts in deploy/NAME, read and asked for help: one dialect, whatever runs the image."""

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.support.render import TEMPLATE
from tests.support.render.answers import strategies

VERBS = ("start", "integration_test", "switch_traffic", "watch", "finish")
CHOICES: list[Answers] = [
    {"language": "go", "orchestrator": name} | ({"deployment_strategy": strategy} if strategy else {})
    for name, row in TEMPLATE.table("orchestrators").items()
    for strategy in (strategies() if row["strategies"] else [""])
]


@pytest.fixture(params=CHOICES, ids=[" ".join(list(choice.values())[1:]) for choice in CHOICES])
def folder(request: pytest.FixtureRequest, rendered: Callable[[Answers], Path]) -> Path:
    name: str = request.param["orchestrator"]
    return rendered(request.param) / "deploy" / name


def scripts(folder: Path) -> Iterator[Path]:
    """Those that are called; what they source is not executable."""
    return (path for path in sorted(folder.glob("*.sh")) if path.stat().st_mode & 0o100)


def test_every_orchestrator_has_the_same_scripts(folder: Path) -> None:
    names = {path.name for path in scripts(folder)}
    assert {"deploy.sh", "rollback.sh", "recover.sh"} <= names
    sourced = {path.name for path in folder.glob("*.sh")} - names
    assert "lib.sh" in sourced
    assert sourced <= {
        "canary.sh", "lib.sh", "strategy.sh", "stack.sh", "checks.sh", "migrate.sh", "record.sh", "rollout.sh",
        "task.sh", "events.sh", "versions.sh",
    }  # fmt: skip


def test_help_and_wrong_arguments_print_the_usage(folder: Path) -> None:
    for path in scripts(folder):
        for argument in ("--help", "-h"):
            result = subprocess.run([path, argument], capture_output=True, text=True, check=False)
            assert (result.returncode, result.stderr) == (0, ""), path
            usage = re.findall(r"^Usage: .*\n", result.stdout, re.MULTILINE)
            assert usage, path
            assert all(re.fullmatch(rf"Usage: .*\b{path.name}( .*)?\n", line) for line in usage), path
            assert not result.stdout.startswith("Usage"), "nothing says what it is for"
            assert "shellcheck" not in result.stdout
        wrong = subprocess.run([path, *"12345"], capture_output=True, text=True, check=False)
        assert (wrong.returncode, wrong.stdout, wrong.stderr) == (2, "", "".join(usage)), path


def test_a_deployment_takes_the_same_steps(folder: Path) -> None:
    lines = (folder / "deploy.sh").read_text().splitlines()
    assert tuple(line for line in lines if line in VERBS) == VERBS
    everything = "".join(path.read_text() for path in folder.glob("*.sh"))
    for verb in (*VERBS, "roll_back"):
        assert re.search(rf"^{verb}\(\) {{", everything, re.MULTILINE), verb
    for name in ("fail", "usage"):
        assert len(re.findall(rf"^{name}\(\)", (folder / "lib.sh").read_text(), re.MULTILINE)) == 1


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: " ".join(list(choice.values())[1:]))
def test_without_a_database_nothing_of_one_is_left(rendered: Callable[[Answers], Path], choice: Answers) -> None:
    for path in (rendered(choice | {"database": "none"}) / "deploy").rglob("*"):
        text = path.read_text().lower() if path.is_file() else ""
        for word in ("database", "postgres", "5432", "migrat", "backup"):
            assert word not in text, f"{path}: {word}"


def test_what_a_trap_calls_says_what_it_returns(folder: Path) -> None:
    """In a trap, a plain `return` returns what failed before it: a rollback would end half-way.

    https://www.gnu.org/software/bash/manual/html_node/Bourne-Shell-Builtins.html#index-return
    """
    for path in folder.glob("*.sh"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            assert not re.search(r"\breturn\s*($|;|\}|#)", line), f"{path.name}:{number}"


def test_no_script_is_long(folder: Path) -> None:
    for path in folder.glob("*.sh"):
        if path.name != "prepare-host.sh":
            assert len(path.read_text().splitlines()) < 120, path.name

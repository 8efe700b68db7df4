"""What Copier says before and after: what to do next, and what an update leaves to the owner."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.render import NO_SETTINGS, ORDERS, commit, render

COPIER = [sys.executable, "-m", "copier"]


def copier(*arguments: str | Path, cwd: Path) -> str:
    """What the command prints, which is not run with trust."""
    done = subprocess.run(
        [*COPIER, *arguments], cwd=cwd, capture_output=True, text=True, check=False, env=os.environ | NO_SETTINGS
    )
    assert done.returncode == 0, done.stderr
    return done.stderr + done.stdout


@pytest.mark.parametrize("folder", ["orders-api", "our orders"])
def test_after_a_copy_the_next_commands_work_as_they_stand(template: Path, tmp_path: Path, folder: str) -> None:
    said = copier("copy", "--defaults", "--data=service_name=orders-api", template, folder, cwd=tmp_path)
    assert "press Enter" in said
    commands = re.findall(r"^  ((?:cd|git|make) .+)$", said, re.MULTILINE)
    assert [shlex.split(command)[0] for command in commands] == ["cd", "git", "make"]
    assert "README.md" in said
    assert (tmp_path / folder / "deploy/README.md").exists()
    identity = {
        f"GIT_{who}_{what}": "test@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    script = " && ".join([*commands[:2], "git status --porcelain && git branch --show-current", "make --dry-run up"])
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False,
        env=os.environ | NO_SETTINGS | identity,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "\nmain\n" in done.stdout, "the pipeline's branch"


def test_who_is_in_the_folder_already_is_not_sent_there(template: Path, tmp_path: Path) -> None:
    said = copier("copy", "--defaults", template, ".", cwd=tmp_path)
    assert "cd " not in said
    assert "git init --initial-branch main" in said


@pytest.mark.parametrize("language", ["python", "java"])
def test_after_an_update_the_files_that_were_left_alone_are_named(
    template: Path, tmp_path: Path, language: str
) -> None:
    project = render(template, tmp_path / "orders-api", **ORDERS, language=language)
    commit(project, "Start from the template")
    said = copier("update", "--defaults", cwd=project)
    named = re.search(r"out of date now: (.+)\.$", said, re.MULTILINE)
    assert named, said
    names = named[1].split(", ")
    assert {"README.md", "CHANGELOG.md"} < set(names)
    assert [name for name in names if not (project / name).exists()] == []


@pytest.mark.parametrize("command", ["copy", "update"])
def test_quiet_is_quiet(template: Path, tmp_path: Path, command: str) -> None:
    project = render(template, tmp_path / "orders-api", **ORDERS)
    commit(project, "Start from the template")
    places = [template, tmp_path / "other"] if command == "copy" else []
    assert copier(command, "--defaults", "--quiet", *places, cwd=project) == ""

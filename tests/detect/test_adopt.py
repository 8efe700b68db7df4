"""`shipshape adopt --dry-run`: what it prints, and when it says no."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from shipshape.adopt.stop import EXIT_CODES
from shipshape.cli import app
from typer.testing import CliRunner

from tests.detect.conftest import COMMIT, Repositories, git, write
from tests.detect.test_hostile import SERVICE
from tests.support.paths import ROOT


@dataclass
class Done:
    """What a run of the command ended with."""

    returncode: int
    stdout: str
    stderr: str


def adopt(*arguments: str | Path) -> Done:
    """In this process, for the command takes a second to start."""
    done = CliRunner().invoke(app, ["adopt", "--dry-run", *map(str, arguments)], env={"COLUMNS": "200"})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    lines = done.stderr.splitlines(keepends=True)
    # A busy machine is told that it is still reading.
    return Done(done.exit_code, done.stdout, "".join(one for one in lines if ": reading: " not in one))


def test_the_command_itself(repository: Repositories) -> None:
    command = ["shipshape", "adopt", "--dry-run", str(repository({"README.md": ""}))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (EXIT_CODES["unknown"], "")
    assert "shipshape: no service was found" in done.stderr


def test_each_fact_has_its_place_and_its_certainty(repository: Repositories) -> None:
    folder = repository({**SERVICE, "Procfile": "release: flask db upgrade\n"})
    done = adopt(folder)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["language_version", "3.13", ".python-version:1", "stated"] in lines
    assert next(line for line in lines if line[0] == "start_command")[-2:] == ["app.py:2", "derived"]
    assert "flask db upgrade (Procfile:1)" in done.stdout


def test_who_has_no_branch_main_is_told(repository: Repositories) -> None:
    """The pipeline starts from main: with master alone it never would, and nobody would see why."""
    folder = repository(SERVICE)
    git(folder, "branch", "--move", "main", "master")
    git(folder, "switch", "--create", "ship")
    assert "its branch is master, and the pipeline starts from main" in adopt(folder).stdout
    git(folder, "branch", "main")
    assert "its branch is" not in adopt(folder).stdout


def test_a_page_is_not_called_a_library(tmp_path: Path) -> None:
    manifest = '{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "7"}}'
    done = adopt(write(tmp_path / "page", {"package.json": manifest, "index.html": ""}))
    assert done.returncode == EXIT_CODES["library"]
    assert "a page that vite builds (package.json:1), and no server for it is here" in done.stderr


def test_json_says_the_same(repository: Repositories) -> None:
    done = adopt("--json", repository(SERVICE))
    said = json.loads(done.stdout)
    assert said["answers"]["start_command"] == "gunicorn --bind 0.0.0.0:8000 app:app"
    assert said["facts"]["port"]["certainty"] == "derived"
    assert (said["open"], said["refusal"], done.returncode) == ([], None, 0)


def test_nothing_is_written(repository: Repositories) -> None:
    folder = repository(SERVICE)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    adopt(folder)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_what_is_not_committed_is_in_the_way_and_what_was_read_is_shown(repository: Repositories) -> None:
    folder = repository(SERVICE)
    write(folder, {"new": "", "app.py": SERVICE["app.py"] + "\n"})
    done = adopt(folder)
    assert done.returncode == EXIT_CODES["dirty"]
    said = "there are changes that are not committed (app.py and 1 more): commit or stash them"
    assert done.stderr == f"shipshape: {said}\n"
    assert "start_command" in done.stdout


def test_without_git(tmp_path: Path) -> None:
    done = adopt(write(tmp_path / "service", SERVICE))
    assert (done.returncode, done.stderr.count("\n")) == (EXIT_CODES["no_git"], 1)
    assert "is not in a Git repository: git init" in done.stderr


def test_without_a_commit(tmp_path: Path) -> None:
    folder = write(tmp_path / "service", SERVICE)
    git(folder, "init", "--quiet")
    assert "has no commit yet" in adopt(folder).stderr


@pytest.mark.parametrize(
    ("files", "reason", "said"),
    [
        ({"pyproject.toml": "[project]\nname = 'x'\n", "x.py": ""}, "library", "a library, with nothing to run"),
        ({**SERVICE, "uv.lock": "", "poetry.lock": ""}, "two_locks", "uv.lock and poetry.lock are there"),
        ({**SERVICE, "Procfile": "web: gunicorn -b 127.0.0.1:8000 app:app"}, "loopback", "Procfile:1 has 127.0.0.1"),
        (
            {**SERVICE, ".python-version": "2.7"},
            "version",
            ".python-version:1 says python 2.7, and images are there for 3.10, 3.11, 3.12, 3.13, 3.14: if it runs on "
            "one of them, answer --data language_version=3.14; else it needs a Dockerfile of its own",
        ),
        ({"b/go.mod": "", "a a/go.mod": ""}, "several", "shipshape adopt 'a a'; shipshape adopt b"),
        ({"README.md": ""}, "unknown", "no service was found"),
    ],
)
def test_refusals_are_one_line_and_an_exit_code(
    repository: Repositories, files: dict[str, str], reason: str, said: str
) -> None:
    done = adopt(repository(files))
    assert done.returncode == EXIT_CODES[reason]
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_a_refusal_of_a_version_says_is_a_way_on(repository: Repositories, tmp_path: Path) -> None:
    """3.10 is no number; and a Dockerfile of theirs, while it stays, says the version itself."""
    folder = repository({**SERVICE, ".python-version": "2.7"})
    for version in ("3.14", "3.10"):
        assert adopt(folder, "--data", f"language_version={version}").returncode == 0
        done = adopt(folder, "--json", "--data", f"language_version={version}")
        assert json.loads(done.stdout)["answers"]["language_version"] == version
    (tmp_path / "answers.yml").write_text("language_version: 3.10\nport: 9000\n")
    done = adopt(folder, "--json", "--answers", tmp_path / "answers.yml")
    said = json.loads(done.stdout)["answers"]
    assert (said["language_version"], said["port"]) == ("3.10", 9000)
    write(folder, {"Dockerfile": "FROM python:2.7\nCMD gunicorn -b 0.0.0.0:9000 app:app\n"})
    git(folder, "add", "--all")
    git(folder, *COMMIT)
    assert adopt(folder).returncode == 0
    assert adopt(folder, "--replace", "Dockerfile").returncode == EXIT_CODES["version"]


@pytest.mark.parametrize("name", ["missing", "file"])
def test_what_is_no_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    done = adopt(tmp_path / name)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "is no folder" in done.stderr


def test_what_a_repository_says_reaches_no_terminal_as_it_is(repository: Repositories) -> None:
    folder = repository({**SERVICE, "Procfile": "release: \x1b]0;owned\x07migrate [red]x[/red]\n"})
    done = adopt(folder)
    assert "\x1b" not in done.stdout
    assert "migrate [red]x[/red]" in done.stdout


def test_every_reason_is_documented() -> None:
    text = (ROOT / "docs/adopt-tool.md").read_text()
    for reason, code in EXIT_CODES.items():
        assert f"| {code} | {reason.replace('_', ' ')} |" in text

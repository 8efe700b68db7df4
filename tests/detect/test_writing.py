"""`shipshape adopt`, `keep` and `take`: what they write, and that nothing is lost.

The template is a small one with the questions that matter here, since what is tried is the tool.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from shipshape.adopt import command, show
from shipshape.adopt.stop import EXIT_CODES
from shipshape.cli import app
from typer.testing import CliRunner

from tests.detect.conftest import COMMIT, Repositories, git, write
from tests.detect.test_hostile import SERVICE, START

TEMPLATE = {
    "copier.yml": """
        _subdirectory: project
        _exclude:
          - >-
            {% for path in kept %}{{ '/' ~ (service_path ~ '/' ~ path) | replace('./', '') }}
            {% endfor %}
        source: {type: str, default: starter}
        language: {type: str, default: python}
        service_path:
          type: str
          default: .
          when: "{{ (_copier_conf.answers_file | string) != '.copier-answers.yml' }}"
        kept:
          type: yaml
          default: >-
            {{ ['Dockerfile'] if ([_copier_conf.dst_path, service_path, 'Dockerfile'] | join('/')) | fileglob else [] }}
        start_command: {type: str, default: ''} # asked whoever's the Dockerfile is, as the template does
        sources: {type: yaml, default: '[]', when: "{{ 'Dockerfile' not in kept }}"}
        port: {type: int, default: 1}
        writable_folders: {type: yaml, default: '[]'}
        data_folders: {type: yaml, default: '[]'}
        """,
    "project/{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers | to_nice_yaml }}",
    "project/{{ service_path }}/Dockerfile.jinja": "FROM python\nCMD {{ start_command }}\n",
    "project/{{ service_path }}/ship.mk.jinja": "# {{ 'yours' if 'Dockerfile' in kept else 'ours' }}\n{{ port }}:\n",
    "project/{{ service_path }}/deploy/README.md": "# Deploy\n",
    "project/{{ service_path }}/ship/smoke.sh": "#!/bin/sh\n",
    "project/{{ service_path }}/.cache/.gitignore": "*\n!.gitignore\n",
}
OWN = {**SERVICE, "Dockerfile": "FROM python:3.13\nCMD gunicorn -b 0.0.0.0:9000 app:app\n", "README.md": "# Mine\n"}


@pytest.fixture
def small(tmp_path: Path) -> str:
    lines = TEMPLATE["copier.yml"].strip("\n").split("\n")
    folder = write(tmp_path / "template", {**TEMPLATE, "copier.yml": "\n".join(line[8:] for line in lines)})
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, *COMMIT)
    git(folder, "tag", "v1.0.0")
    return str(folder)


@pytest.fixture(autouse=True)
def _owner(monkeypatch: pytest.MonkeyPatch) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Owner")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "owner@example.com")


def shipshape(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(one) for one in arguments], env={"COLUMNS": "200"})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    # A busy machine is told that it is still reading.
    return done.exit_code, "".join(line for line in done.stderr.splitlines(keepends=True) if ": reading: " not in line)


def said(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def state(folder: Path) -> dict[str, str]:
    """All that could be lost: files with their text, branches, working trees and the commit."""
    files = {
        str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file() and ".git" not in p.parts
    }
    return files | {"": said(folder, "branch", "--verbose") + said(folder, "worktree", "list")}


def test_what_was_there_stays_and_what_is_new_is_on_a_branch(repository: Repositories, small: str) -> None:
    folder = repository(OWN)
    before = said(folder, "rev-parse", "HEAD")
    assert shipshape("adopt", folder, "--template", small)[0] == 0
    assert said(folder, "diff", "--name-status", before, "HEAD").split("\n") == [
        "A\t.cache/.gitignore",
        "A\t.copier-answers.yml",
        "A\tdeploy/README.md",
        "A\tship.mk",
        "A\tship/smoke.sh",
    ]
    assert said(folder, "branch", "--show-current") == "shipshape"
    assert said(folder, "rev-parse", "main") == before
    answers = yaml.safe_load((folder / ".copier-answers.yml").read_text())
    assert (answers["source"], answers["port"], answers["kept"]) == ("yours", 9000, ["Dockerfile"])
    code, line = shipshape("adopt", folder, "--template", small, "--branch", "again")
    assert (code, "was adopted already" in line) == (EXIT_CODES["blocked"], True)


def test_a_file_is_replaced_only_if_told_in_a_commit_of_its_own(repository: Repositories, small: str) -> None:
    folder = repository(OWN)
    assert shipshape("adopt", folder, "--template", small, "--replace", "Dockerfile")[0] == 0
    assert (folder / "Dockerfile").read_text() == "FROM python\nCMD gunicorn -b 0.0.0.0:9000 app:app\n"
    assert said(folder, "show", "--name-only", "--format=").split("\n") == [
        ".copier-answers.yml",
        "Dockerfile",
        "ship.mk",
    ]
    assert said(folder, "show", "HEAD^:Dockerfile") == OWN["Dockerfile"].strip()


def test_a_file_moves_between_theirs_and_ours_and_back(repository: Repositories, small: str) -> None:
    folder = repository(OWN)
    shipshape("adopt", folder, "--template", small)
    theirs = (folder / "Dockerfile").read_text()
    assert shipshape("take", folder / "Dockerfile") == (0, "")
    ours = (folder / "Dockerfile").read_text()
    assert (ours, (folder / "ship.mk").read_text()[:6]) == (
        "FROM python\nCMD gunicorn -b 0.0.0.0:9000 app:app\n",
        "# ours",
    )
    # What we have brought meanwhile is none of their source.
    assert yaml.safe_load((folder / ".copier-answers.yml").read_text())["sources"] == ["app.py", "requirements.txt"]
    write(folder, {"Dockerfile": theirs})
    git(folder, "add", "--all")
    git(folder, *COMMIT)
    assert shipshape("keep", folder / "Dockerfile") == (0, "")
    assert ((folder / "Dockerfile").read_text(), (folder / "ship.mk").read_text()[:7]) == (theirs, "# yours")
    assert said(folder, "status", "--short") == ""
    assert said(folder, "branch", "--format=%(refname:short)").split("\n") == ["main", "shipshape"]
    code, line = shipshape("keep", folder / "Dockerfile")
    assert (code, "yours already" in line) == (2, True)


def test_a_service_in_a_folder_has_an_answers_file_of_its_own(repository: Repositories, small: str) -> None:
    folder = repository({f"services/orders/{path}": text for path, text in SERVICE.items()} | {"README.md": ""})
    assert shipshape("adopt", folder / "services/orders", "--template", small)[0] == 0
    assert (folder / "services/orders/ship.mk").exists()
    answers = yaml.safe_load((folder / ".copier-answers.orders.yml").read_text())
    assert (answers["service_path"], answers["start_command"]) == ("services/orders", START)


def test_a_version_that_no_image_of_ours_has_is_no_question_while_their_dockerfile_stays(
    repository: Repositories, small: str
) -> None:
    folder = repository({**OWN, "Dockerfile": OWN["Dockerfile"].replace("3.13", "3.6"), ".python-version": "3.6\n"})
    assert shipshape("adopt", folder, "--template", small, "--yes") == (0, "")
    done = CliRunner().invoke(app, ["take", str(folder / "Dockerfile")])
    assert "note: Dockerfile:1 says python 3.6, and images are there for" in done.stdout


def test_a_file_of_a_service_in_a_folder_is_named_as_the_table_names_it(
    repository: Repositories, small: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one message shows, the next command takes: from the repository's root, or from the service's folder."""
    files = {f"services/orders/{path}": text for path, text in OWN.items()}
    folder = repository(files)
    monkeypatch.chdir(folder)
    for number, named in enumerate(("services/orders/Dockerfile", "Dockerfile", "./services/orders/Dockerfile")):
        arguments = ("--template", small, "--replace", named, "--branch", f"try-{number}")
        assert shipshape("adopt", "services/orders", *arguments)[0] == 0, named
        assert "gunicorn -b 0.0.0.0:9000" in said(folder, "show", f"try-{number}:services/orders/Dockerfile")
        git(folder, "switch", "main")
    code, line = shipshape("adopt", "services/orders", "--template", small, "--replace", "services/orders/Makefile")
    assert (code, "not among what stays yours: services/orders/Dockerfile" in line) == (2, True)
    done = CliRunner().invoke(app, ["adopt", "services/orders", "--template", small])
    assert "start it: make -C services/orders -f ship.mk up" in done.stdout
    (take,) = re.findall(r"; shipshape (take \S+) brings", done.stdout)
    assert shipshape(*take.split()) == (0, "")
    assert "gunicorn -b 0.0.0.0:9000" in (folder / "services/orders/Dockerfile").read_text()


def test_a_folder_that_hides_itself_may_be_hidden_by_theirs(repository: Repositories, small: str) -> None:
    folder = repository({**SERVICE, ".gitignore": ".cache\n"})
    assert shipshape("adopt", folder, "--template", small)[0] == 0
    assert "ship.mk" in said(folder, "ls-files")


@pytest.mark.parametrize(
    ("files", "arguments", "reason", "message"),
    [
        ({"ship.mk": "all:\n"}, [], "proof", "ship.mk would be another one than before"),
        ({".gitignore": "deploy/\n"}, [], "proof", "your rules ignore deploy/README.md (.gitignore:1:deploy/)"),
        ({"deploy/readme.rst": "x"}, [], "proof", "deploy/README.md would stand beside deploy/readme.rst"),
        ({"deploy": "a file\n"}, [], "blocked", "the template can't be rendered: "),
        ({}, ["--replace", "Makefile"], "usage", "it is not among what stays yours: Dockerfile"),
        ({}, ["--vcs-ref", "v9"], "blocked", "the template can't be rendered: "),
        ({}, ["--data", "port=eighty"], "blocked", "the template can't be rendered: "),
        ({}, ["--branch", "main"], "blocked", "there is a branch main already"),
        ({}, ["--branch", "a..b"], "blocked", "git worktree: "),
        ({}, ["--answers", "missing.yml"], "usage", "the answers can't be read"),
        (
            {"app.py": "", "Dockerfile": "FROM python:3.13\n"},
            ["--yes", "--data=start_command=x"],
            "open",
            "these are open: port",
        ),
    ],
)
def test_who_is_refused_finds_all_as_it_was(  # noqa: PLR0913, PLR0917
    repository: Repositories, small: str, files: dict[str, str], arguments: list[str], reason: str, message: str
) -> None:
    folder = repository({**OWN, **files})
    before = state(folder)
    code, line = shipshape("adopt", folder, "--template", small, *arguments)
    assert (code, message in line) == (EXIT_CODES[reason], True), line
    assert line.splitlines()[-1].startswith("shipshape: ")
    assert state(folder) == before


@pytest.mark.parametrize(("keys", "port"), [("\x158080\ryn", 8080), ("\x03", None), ("\x158080\rn", None)])
def test_what_is_open_is_asked_and_nothing_else(
    repository: Repositories, small: str, monkeypatch: pytest.MonkeyPatch, keys: str, port: int | None
) -> None:
    """Ctrl-U clears the guess, a port that the container could not open; then: write them, and don't start it."""
    monkeypatch.setattr(command.Options, "terminal", True)
    folder = repository({**OWN, "Dockerfile": "FROM python:3.13\nCMD gunicorn -b :80 app:app\n"})
    before = state(folder)
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text(keys)
        code, line = shipshape("adopt", folder, "--template", small)
    if port is None:
        assert (code, line) == (EXIT_CODES["given_up"], "shipshape: given up: nothing was written\n")
        assert state(folder) == before
    else:
        assert yaml.safe_load((folder / ".copier-answers.yml").read_text())["port"] == port


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interruption_leaves_all_as_it_was(
    repository: Repositories, small: str, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    folder = repository(OWN)
    before = state(folder)

    def interrupt(*_: object) -> None:
        raise error

    monkeypatch.setattr(show, "written", interrupt)  # after the commits, and before the end
    done = CliRunner().invoke(app, ["adopt", str(folder), "--template", small])
    assert done.exit_code == (EXIT_CODES["given_up"] if error is KeyboardInterrupt else 1)
    assert state(folder) == before


def test_hooks_of_the_repository_are_not_run(repository: Repositories, small: str, tmp_path: Path) -> None:
    folder = repository(OWN)
    for name in ("post-checkout", "pre-commit", "commit-msg", "post-commit"):
        hook = folder / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran-{name}\nexit 1\n")
        hook.chmod(0o755)
    assert shipshape("adopt", folder, "--template", small)[0] == 0
    assert not list(tmp_path.glob("ran-*"))


@pytest.mark.parametrize("replace", [(), ("--replace", "Dockerfile")], ids=["kept", "replaced"])
def test_a_folder_below_the_service_s_is_where_the_image_has_it(
    repository: Repositories, small: str, replace: tuple[str, ...]
) -> None:
    """Only their Dockerfile knows where that is: below its WORKDIR, and below /app once it is replaced."""
    text = "FROM python:3.14\nWORKDIR /srv\nVOLUME /srv/uploads\nCMD gunicorn -b 0.0.0.0:9000 app:app\n"
    folder = repository({**OWN, "Dockerfile": text, "writes.py": 'import os\nos.makedirs("logs")\n'})
    assert shipshape("adopt", folder, "--template", small, *replace)[0] == 0

    def folders() -> list[str]:
        kept = yaml.safe_load((folder / ".copier-answers.yml").read_text())
        return [*kept["writable_folders"], *kept["data_folders"]]

    assert folders() == (["logs", "uploads"] if replace else ["/srv/logs", "/srv/uploads"])
    if not replace:
        assert shipshape("take", folder / "Dockerfile") == (0, "")
        assert folders() == ["logs", "uploads"]
        (folder / "Dockerfile").write_text(text)
        git(folder, *COMMIT, "--all")
        assert shipshape("keep", folder / "Dockerfile") == (0, "")
        assert folders() == ["/srv/logs", "/srv/uploads"]

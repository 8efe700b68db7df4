"""Backups in another place: the scripts of a host, the real restic, and versitygw in the place of S3.

A stand-in of docker plays the database. How it broke for others, each held by a test here:
- a lock that a killed run has left stops every backup after it: https://github.com/restic/restic/issues/3219,
  https://github.com/k8up-io/k8up/issues/456
- a dump that failed became a good copy: https://github.com/restic/restic/issues/4251
- a file of another name each night is never too old: https://github.com/restic/restic/issues/3515
- a new machine has another name, so that its copies are counted apart from the old ones:
  https://github.com/junkerderprovinz/bombvault/pull/17
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.support.engine.object_store import KEY, SECRET, served
from tests.support.render import document

DOCKER = """#!/usr/bin/env bash
# The database: what it is asked to dump is in the file `rows`; what it gets back goes to `restored`.
case "$*" in
  info*) pwd ;;
  *pg_dump*) cat "$HOME/rows"; [[ ! -e $HOME/broken ]] ;;
  *pg_restore*--dbname*) cat >"$HOME/restored" ;;
  *) cat >/dev/null ;;
esac
"""


@dataclass
class Host:
    """A host's folder, and the folder in which the bucket is."""

    home: Path
    folder: Path
    bucket: Path
    project: Path
    environment: dict[str, str]

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.folder / script, *arguments],
            env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    def succeed(self, script: str, *arguments: str) -> str:
        result = self.run(script, *arguments)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout.strip()

    def fails(self, script: str, *arguments: str) -> str:
        result = self.run(script, *arguments)
        assert result.returncode == 1, result.stdout + result.stderr
        return result.stderr.strip().splitlines()[-1]

    def backup(self, content: str) -> Path:
        (self.home / "rows").write_text(content)
        return self.folder / self.succeed("backup.sh")

    def restic(self, *arguments: str, stdin: str = "") -> str:
        lines = (self.folder / "secrets/offsite").read_text().splitlines()
        return subprocess.run(
            ["restic", "--no-cache", "--quiet", *arguments],
            env=self.environment | dict(line.split("=", 1) for line in lines),
            input=stdin, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip

    def copies(self) -> int:
        return self.restic("snapshots", "--json").count('"short_id"')


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Where S3 is, and the folder that holds its buckets."""
    with served(tmp_path_factory.mktemp("s3")) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def prepared(
    gateway: tuple[str, Path], rendered: Callable[[Answers], Path], tmp_path_factory: pytest.TempPathFactory
) -> Host:
    """A host as a deployment leaves it, then set up by the page's commands."""
    address, buckets = gateway
    project, home = rendered({"language": "go", "orchestrator": "compose"}), tmp_path_factory.mktemp("prepared")
    folder, programs = home / "orders-api", home / "programs"
    (folder / "secrets").mkdir(parents=True)
    programs.mkdir()
    for script in ("lib.sh", "backup.sh", "restore.sh", "offsite.sh"):
        shutil.copy(project / "deploy/compose" / script, folder)
    for program, text in {
        "docker": DOCKER,
        "ssh": '#!/bin/sh\nexec sh -c "$2"\n',
        "runuser": '#!/bin/sh\ncd "$HOME" && exec sh -c "$4"\n',
    }.items():
        (programs / program).write_text(text)
        (programs / program).chmod(0o755)
    (home / "rows").write_text("a first row")
    environment = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "HOME": str(home)}
    bucket = buckets / "prepared"
    bucket.mkdir()
    (home / "typed").mkdir()
    values = {
        "s3:https://s3.us-east-1.amazonaws.com/BUCKET": f"s3:{address}/{bucket.name}",
        "AWS_ACCESS_KEY_ID=KEY": f"AWS_ACCESS_KEY_ID={KEY}", "=SECRET": f"={SECRET}",
    }  # fmt: skip
    made = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", document.shell(project, "Copies elsewhere", values)],
        cwd=home / "typed", env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    return Host(home, folder, bucket, project, environment)


@pytest.fixture
def host(prepared: Host, tmp_path: Path) -> Host:
    """One of the test's own, with a bucket of its own: a copy, for restic takes seconds to begin one."""
    bucket = prepared.bucket.with_name(tmp_path.name.replace("_", "-").lower())
    for old in (prepared.bucket, prepared.bucket.parent.parent / "attributes" / prepared.bucket.name):
        shutil.copytree(old, old.with_name(bucket.name))
    shutil.copytree(prepared.home, tmp_path, dirs_exist_ok=True)
    environment = {name: text.replace(str(prepared.home), str(tmp_path)) for name, text in prepared.environment.items()}
    folder = tmp_path / "orders-api"
    settings = folder / "secrets/offsite"
    settings.write_text(settings.read_text().replace(f"/{prepared.bucket.name}\n", f"/{bucket.name}\n"))
    return Host(tmp_path, folder, bucket, prepared.project, environment)


def test_each_backup_is_copied_and_nobody_reads_it_there(host: Host) -> None:
    host.backup("a second row, longer than the first")
    assert host.copies() == 1, "of a day, the last is kept"
    files = [path for path in host.bucket.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"second row" in path.read_bytes()]
    assert oct((host.home / "typed/.secrets/staging-offsite").stat().st_mode & 0o777) == "0o600"


def test_the_page_s_commands_bring_it_back(host: Host) -> None:
    host.backup("the row that was lost")
    shutil.rmtree(host.folder / "backups")
    (host.folder / "backups").mkdir()
    commands = document.shell(host.project, "Copies elsewhere", {}, block=1)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=host.folder, env=host.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "orders-api" in done.stdout, "its host is the service's name: a new machine finds it"
    assert (host.home / "restored").read_text() == "the row that was lost"


def test_old_copies_go_and_enough_of_them_stay(host: Host) -> None:
    for days in range(1, 19):
        at = (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S")
        host.restic("backup", "--host=orders-api", f"--time={at}", "--stdin", "--stdin-filename=app.dump", stdin="row")
    host.backup("the newest row, which is long")
    assert 14 <= host.copies() < 19
    assert (host.folder / host.succeed("offsite.sh", "get")).read_text() == "the newest row, which is long"


def test_a_run_that_was_killed_stops_no_later_one(host: Host) -> None:
    lines = (host.folder / "secrets/offsite").read_text().splitlines()
    command = ["restic", "--no-cache", "backup", "--stdin", "--stdin-filename=app.dump"]
    settings = host.environment | dict(line.split("=", 1) for line in lines)
    with subprocess.Popen(command, env=settings, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        while not host.restic("list", "locks", "--no-lock"):
            time.sleep(0.1)
        process.kill()
    assert host.restic("list", "locks", "--no-lock"), "it has left none, and shows nothing"
    host.backup("a row after the crash")
    assert not host.restic("list", "locks", "--no-lock")


def test_a_dump_that_failed_is_no_copy(host: Host) -> None:
    before = host.copies()
    (host.home / "broken").touch()
    assert host.fails("backup.sh").endswith("the database was not dumped: see above")
    assert host.copies() == before


def test_a_copy_that_fails_keeps_the_backup_and_is_told(host: Host) -> None:
    text = (host.folder / "secrets/offsite").read_text()
    (host.folder / "secrets/offsite").write_text(text.replace("RESTIC_PASSWORD=", "RESTIC_PASSWORD=x"))
    before = set((host.folder / "backups").iterdir())
    time.sleep(1.1)  # a backup is named by the second
    assert host.fails("backup.sh").endswith("is here, and nowhere else: see above")
    (new,) = set((host.folder / "backups").iterdir()) - before
    assert new.read_text() == "a first row"


def test_nothing_begins_anew_in_a_place_that_is_not_ready(host: Host) -> None:
    """A wrong bucket would look like one in which all is well."""
    text = (host.folder / "secrets/offsite").read_text()
    other = host.bucket.parent / f"{host.bucket.name}-other"
    other.mkdir()
    (host.folder / "secrets/offsite").write_text(text.replace(host.bucket.name, other.name))
    assert "does not answer, or is not ready" in host.fails("offsite.sh", "list")
    assert not list(other.iterdir())


def test_the_drill_restores_the_newest_and_leaves_nothing(host: Host) -> None:
    host.backup("the row of the drill")
    before = sorted((host.folder / "backups").iterdir())
    assert host.succeed("offsite.sh", "try").endswith("restore: the backup can be restored")
    assert (host.home / "restored").read_text() == "the row of the drill"
    assert sorted((host.folder / "backups").iterdir()) == before


def test_the_drill_fails_where_no_copy_was_made_for_two_days(host: Host) -> None:
    ids = re.findall(r'"short_id":"(\w+)"', host.restic("snapshots", "--json"))
    host.restic("forget", *ids)
    at = (datetime.now(UTC) - timedelta(days=3)).strftime("%Y-%m-%d %H:%M:%S")
    host.restic("backup", "--host=orders-api", f"--time={at}", "--stdin", "--stdin-filename=app.dump", stdin="row")
    assert "see why none was made since" in host.fails("offsite.sh", "try")
    ids = re.findall(r'"short_id":"(\w+)"', host.restic("snapshots", "--json"))
    host.restic("forget", *ids)
    assert host.fails("offsite.sh", "try").endswith("there is no copy")


def test_the_drill_fails_where_the_copy_is_damaged(host: Host) -> None:
    for path in (host.bucket / "data").rglob("*"):
        if path.is_file():
            path.write_bytes(bytes(path.stat().st_size))
    assert host.run("offsite.sh", "try").returncode == 1


@pytest.mark.parametrize("line", ["PATH=/tmp", "export RESTIC_PASSWORD=hidden", "rm -rf hidden"])
def test_the_file_is_no_script(host: Host, line: str) -> None:
    with (host.folder / "secrets/offsite").open("a") as file:
        file.write(f"{line}\n")
    said = host.fails("offsite.sh", "list")
    assert said == "offsite: line 5 of secrets/offsite is none of those in deploy/README.md", "and shows no secret"


@pytest.mark.parametrize("arguments", [[], ["put"], ["get", "a", "b"], ["prune"], ["try", "now"]])
def test_other_arguments_change_nothing(host: Host, arguments: list[str]) -> None:
    result = host.run("offsite.sh", *arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("Usage: offsite.sh")


def test_the_drill_runs_each_week_and_tells_by_the_alert(rendered: Callable[[Answers], Path]) -> None:
    project = rendered({"language": "go", "orchestrator": "compose"})
    script = (project / "deploy/compose/prepare-host.sh").read_text()
    (unit,) = re.findall(r"^timer orders-api-drill 'OnCalendar=Sun .*?^UNIT$", script, re.MULTILINE | re.DOTALL)
    assert "ExecStart=/home/deploy/orders-api/offsite.sh try\n" in unit
    assert "ConditionPathExists=/home/deploy/orders-api/secrets/offsite\n" in unit, "no copies, no drill"
    assert "User=deploy\n" in unit
    assert "OnFailure=orders-api-alert@" in script.partition("timer() {")[2].partition("\n}")[0]
    assert re.search(r"^packages=\(.*\brestic\b", script, re.MULTILINE)


def test_who_has_no_database_has_none_of_it(rendered: Callable[[Answers], Path]) -> None:
    project = rendered({"language": "go", "orchestrator": "compose", "database": "none"})
    assert not (project / "deploy/compose/offsite.sh").exists()
    for name in ("deploy/README.md", "deploy/compose/prepare-host.sh", "deploy/compose/deploy.sh"):
        text = (project / name).read_text()
        assert not re.search(r"restic\b|offsite", text), name

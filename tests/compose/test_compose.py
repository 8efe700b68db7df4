"""`make up` on the rendered stack: healthy, reachable, and the data outlive a restart."""

import json
import re
import stat
import subprocess
import time
import uuid
from pathlib import Path

import pytest

from tests.compose.conftest import Stack
from tests.support import engine
from tests.support.render import edit_source
from tests.support.run import figures

pytestmark = pytest.mark.engine


@pytest.mark.every_language
def test_it_is_healthy_and_ready(stack: Stack) -> None:
    for line in stack.compose("ps", "--format=json").splitlines():
        assert json.loads(line)["Health"] == "healthy", line
    answer = stack.service.get("/readyz")
    assert (answer.status, answer.json) == (200, {"status": "ready", "checks": {"database": "ok"}})


def test_the_other_targets_work(stack: Stack) -> None:
    targets = stack.make("help")
    for target in (
        "up",
        "down",
        "logs",
        "dev",
        "migrate",
        "build",
        "lint",
        "test",
        "test-integration",
        "smoke",
        "scan",
    ):
        assert re.search(rf"^  {target} +\w", targets, re.MULTILINE), target
    for target in ("lint", "test", "build"):
        stack.make(target)
    assert "answers, and stops as it should" in stack.make("smoke")


@pytest.mark.every_language
def test_readiness_follows_the_database(stack: Stack) -> None:
    stack.compose("stop", "database")
    start = time.monotonic()
    answer = stack.service.get("/readyz")
    assert (answer.status, answer.json) == (503, {"status": "unavailable", "checks": {"database": "failed"}})
    assert time.monotonic() - start < 4
    assert stack.service.get("/healthz").status == 200
    stack.compose("start", "database")
    deadline = time.monotonic() + 120
    while stack.service.get("/readyz").status != 200:
        assert time.monotonic() < deadline, stack.service.output()
        time.sleep(0.2)


def test_the_restrictions_are_in_force(stack: Stack) -> None:
    for name in ("app", "database"):
        (identity,) = stack.compose("ps", "--quiet", name).split()
        container = engine.inspect("container", identity)
        assert container["HostConfig"]["ReadonlyRootfs"], name
        assert container["HostConfig"]["CapDrop"] == ["ALL"], name
        assert container["HostConfig"]["CapAdd"] is None, name
        assert "no-new-privileges:true" in container["HostConfig"]["SecurityOpt"], name
        assert container["HostConfig"]["Memory"] > 0, name
        assert container["HostConfig"]["PidsLimit"] == 256, name
        status = Path(f"/proc/{container['State']['Pid']}/status").read_text()
        uid = re.search(r"^Uid:\s+(\d+)", status, re.MULTILINE)
        assert uid, name
        assert uid[1] != "0", name


def test_the_passwords_are_made_here_and_shown_nowhere(stack: Stack) -> None:
    folder = stack.project / ".secrets"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700, "others on this machine must not read them"
    passwords = {path.name: path.read_text() for path in folder.iterdir()}
    assert passwords.keys() == {"database_password", "database_owner_password"}
    assert len(set(passwords.values())) == 2
    shown = stack.compose("config") + stack.compose("logs")
    for identity in stack.compose("ps", "--all", "--quiet").split():
        shown += engine.docker("inspect", identity)
    for password in passwords.values():
        assert re.fullmatch(r"[A-Za-z0-9]{32}", password)
        assert password not in shown


def test_the_log_is_json_here_too(stack: Stack) -> None:
    lines = stack.compose("logs", "--no-log-prefix", "app").splitlines()
    assert lines
    for line in lines:
        json.loads(line)


def test_what_the_owner_adds_is_read(stack: Stack) -> None:
    override = stack.project / "compose.override.yml"
    override.write_text("services:\n  app:\n    environment:\n      LOG_LEVEL: debug\n")
    try:
        environment = {name: text for name, text in stack.environment.items() if name != "COMPOSE_FILE"}
        config = subprocess.run(
            ["docker", "compose", "config"],
            cwd=stack.project,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert "LOG_LEVEL: debug" in config
    finally:
        override.unlink()


@pytest.mark.every_language
def test_a_saved_file_is_live_at_once(stack: Stack) -> None:
    word = str(uuid.uuid4())
    with stack.watched():
        start = time.monotonic()
        edit_source(stack.project, '"ready"', f'"{word}"')
        stack.wait_for(word, "/readyz")
        figures.note(stack.language, "saved to live", time.monotonic() - start, "s")
    edit_source(stack.project, f'"{word}"', '"ready"')  # the service's own tests are run yet

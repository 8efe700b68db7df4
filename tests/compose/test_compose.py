"""`make up` on the rendered stack: healthy, reachable, and the data outlive a restart."""

import json
import os
import re
import stat
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.support import engine
from tests.support.engine.container import Container, free_port
from tests.support.render import ORDERS, edit_source, name_of, one_per, render
from tests.support.run import figures

pytestmark = pytest.mark.engine


@dataclass(frozen=True)
class Stack:
    """The stack of a rendered project, started by its own Makefile."""

    language: str
    project: Path
    environment: dict[str, str]
    service: Container

    def make(self, target: str) -> str:
        result = subprocess.run(
            ["make", target], cwd=self.project, env=self.environment, capture_output=True, text=True, check=False
        )
        if result.returncode:  # with the log of what did not start
            pytest.fail(result.stdout + result.stderr + self.compose("logs", "--tail=50"))
        return result.stdout

    def compose(self, *arguments: str) -> str:
        result = subprocess.run(
            ["docker", "compose", *arguments],
            cwd=self.project, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def sql(self, query: str) -> str:
        return self.compose("exec", "-T", "database", "psql", "-qtAX", "-U", "postgres", "app", "-c", query).strip()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each language where it matters; elsewhere one, for what is shown there does not depend on it."""
    if "stack" in metafunc.fixturenames:
        every = metafunc.definition.get_closest_marker("every_language")
        languages = one_per("language")
        metafunc.parametrize("stack", languages if every else languages[:1], ids=name_of, indirect=True, scope="module")


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest, template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    answers: Answers = request.param
    scratch = tmp_path_factory.mktemp("compose")
    name = f"stack-{os.getpid()}"  # a stack of its own: Compose names it after the service
    project = render(template, scratch / name, **ORDERS | {"service_name": name}, **answers)
    port = free_port()
    subprocess.run(["make", "prepare"], cwd=project, check=True, capture_output=True)
    environment = engine.compose_environment(project, scratch) | {"HOST_PORT": str(port)}
    started = Stack(answers["language"], project, environment, Container(f"{name}-dev-app-1", port))
    try:
        with figures.timed(answers["language"], "make up"):
            assert started.make("up").splitlines()[-1] == f"http://127.0.0.1:{port}"
        yield started
    finally:
        started.compose("down", "--volumes", "--remove-orphans")
        engine.docker("image", "rm", "--force", f"ghcr.io/octo-org/shop/{name}:dev")


@pytest.mark.every_language
def test_it_is_healthy_and_ready(stack: Stack) -> None:
    for line in stack.compose("ps", "--format=json").splitlines():
        assert json.loads(line)["Health"] == "healthy", line
    answer = stack.service.get("/readyz")
    assert (answer.status, answer.json) == (200, {"status": "ready", "checks": {"database": "ok"}})


def test_the_other_targets_work(stack: Stack) -> None:
    targets = stack.make("help")
    for target in ("up", "down", "logs", "build", "lint", "test", "smoke", "scan"):
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
    deadline = time.monotonic() + 30
    while stack.service.get("/readyz").status != 200:
        assert time.monotonic() < deadline, stack.service.output()
        time.sleep(0.2)


def test_the_data_outlive_the_stack(stack: Stack) -> None:
    stack.sql("CREATE TABLE orders (id int); INSERT INTO orders VALUES (4711)")
    stack.make("down")
    stack.make("up")
    assert stack.sql("SELECT id FROM orders") == "4711"


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


def test_the_password_is_made_here_and_shown_nowhere(stack: Stack) -> None:
    path = stack.project / ".secrets/database_password"
    password = path.read_text()
    assert re.fullmatch(r"[A-Za-z0-9]{32}", password)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700, "others on this machine must not read it"
    shown = stack.compose("config") + stack.compose("logs")
    for name in ("app", "database"):
        (identity,) = stack.compose("ps", "--quiet", name).split()
        shown += engine.docker("inspect", identity)
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
    command = ["docker", "compose", "watch", "--no-up"]
    with subprocess.Popen(
        command, cwd=stack.project, env=stack.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as watch:
        try:
            assert watch.stdout
            while "Watch enabled" not in (line := watch.stdout.readline()):
                assert line, "watch ended"
            start = time.monotonic()
            word = str(uuid.uuid4())
            edit_source(stack.project, '"ready"', f'"{word}"')
            while status_of(stack) != word:
                assert time.monotonic() - start < 120, "the change is not live"
                time.sleep(0.1)
            figures.note(stack.language, "saved to live", time.monotonic() - start, "s")
        finally:
            watch.terminate()


def status_of(stack: Stack) -> str:
    try:
        return str(stack.service.get("/readyz").json["status"])
    except (OSError, HTTPException, ValueError):
        return "restarting"

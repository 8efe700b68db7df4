"""`make dev`: the service outside of a container, on a migrated database that this machine reaches."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.support import engine
from tests.support.engine.container import Container, free_port
from tests.support.render import ORDERS, render

pytestmark = pytest.mark.engine


@pytest.fixture
def dev(plain_template: Path, tmp_path: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """Python's, whose tool the tests have anyway; the other languages differ in the command alone."""
    name = f"dev-{os.getpid()}"
    project = render(
        plain_template, tmp_path / name, **ORDERS | {"service_name": name}, language="python", language_version="3.13"
    )
    subprocess.run(["make", "prepare"], cwd=project, check=True, capture_output=True)
    environment = engine.compose_environment(project, tmp_path) | {"PYENV_VERSION": "3.13"}  # where pyenv has Python
    try:
        yield project, environment
    finally:
        subprocess.run(["docker", "compose", "down", "--volumes"], cwd=project, env=environment, check=True)


def test_the_service_runs_here_and_its_database_in_a_container(dev: tuple[Path, dict[str, str]]) -> None:
    project, environment = dev
    port, database = free_port(), free_port()
    (project / ".env").write_text(f"LOG_LEVEL=debug\nHOST_PORT={port}\nDATABASE_PORT={database}\n")
    # As a terminal starts it: what runs in the background ignores SIGINT.
    command = ["env", "--default-signal", "make", "dev"]
    with (
        (project.parent / "log").open("w+") as log,
        subprocess.Popen(
            command, cwd=project, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        ) as running,
    ):
        try:
            service = Container("", port)
            deadline = time.monotonic() + 300
            while not ready(service):
                assert running.poll() is None, Path(log.name).read_text()
                assert time.monotonic() < deadline, Path(log.name).read_text()
                time.sleep(0.5)
            assert service.post("/items", {"name": "one", "quantity": 1}).status == 201
            published = subprocess.run(
                ["docker", "compose", "ps", "--format={{.Service}} {{.Ports}}"],
                cwd=project, env=environment, check=True, capture_output=True, text=True,
            ).stdout  # fmt: skip
            assert published.split() == ["database", f"127.0.0.1:{database}->5432/tcp"]
        finally:
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGINT)  # as Ctrl-C does
            try:
                running.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
                raise
    assert '"level":"debug"' in Path(log.name).read_text().replace(" ", ""), "the settings of .env were not read"


def ready(service: Container) -> bool:
    try:
        return service.get("/readyz").status == 200
    except (OSError, HTTPException):
        return False


def test_another_clone_is_told_of_the_volume_s_other_passwords(dev: tuple[Path, dict[str, str]]) -> None:
    """As by `make up`: the same clone with new passwords is to its volume what a second one is."""
    project, environment = dev
    subprocess.run(
        ["docker", "compose", "up", "--detach", "--wait", "database"], cwd=project, env=environment, check=True,
        capture_output=True,
    )  # fmt: skip
    (project / ".secrets/database_owner_password").write_text("another")
    result = subprocess.run(
        ["make", "dev"], cwd=project, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert result.returncode == 2
    *_, said, _ = result.stderr.splitlines()
    assert said.startswith("dev: the database's volume was made with other passwords than those in .secrets")
    assert said.endswith("or delete the data with docker compose down --volumes, and run make dev again")


def test_a_tool_that_is_missing_is_named_before_anything_starts(dev: tuple[Path, dict[str, str]]) -> None:
    project, environment = dev
    result = subprocess.run(
        ["scripts/dev.sh", "no-such-tool", "run"], cwd=project, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("dev: there is no no-such-tool on this machine")

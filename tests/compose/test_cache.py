"""The cache of a stack: behind a password, without rights that it does not need, and there again after a restart."""

import json
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compose.conftest import Stack, running
from tests.support import engine
from tests.support.render import ORDERS, render

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def stack(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    name = "stack-cache"
    answers = ORDERS | {"service_name": name, "language": "python", "orchestrator": "compose", "cache": "valkey"}
    project = render(template, tmp_path_factory.mktemp("cache") / name, **answers)
    subprocess.run(["make", "prepare"], cwd=project, check=True, capture_output=True)
    with running(project, "python") as started:
        yield started


def cli(stack: Stack, command: str, password: str = "$(cat /run/secrets/cache_password)") -> str:  # noqa: S107
    """What the server says to a command, errors too."""
    return stack.compose(
        "exec", "-T", "cache", "sh", "-c", f'REDISCLI_AUTH="{password}" valkey-cli --no-auth-warning {command} 2>&1'
    ).strip()


def test_a_key_outlives_the_stack(stack: Stack) -> None:
    """In an append-only file: at a restart no caller who asks again makes a second row."""
    assert stack.service.get("/readyz").json["checks"] == {"database": "ok", "cache": "ok"}
    new, key = {"name": uuid.uuid4().hex, "quantity": 1}, str(uuid.uuid4())
    first = stack.service.post("/items", new, Idempotency_Key=key)
    assert first.status == 201, first
    stack.make("down")
    stack.make("up")
    again = stack.service.post("/items", new, Idempotency_Key=key)
    assert (again.status, again.body, again.headers.get("idempotent-replayed")) == (201, first.body, "true")


def test_the_password_is_asked_for_and_shown_nowhere(stack: Stack) -> None:
    assert "NOAUTH" in cli(stack, "get x", password="")
    password = (stack.project / ".secrets/cache_password").read_text()
    container = engine.inspect("container", f"{stack.project.name}-dev-cache-1")
    assert password not in json.dumps(container)
    assert password not in stack.compose("exec", "-T", "cache", "cat", "/proc/1/cmdline")
    assert password not in stack.compose("logs", "cache")


def test_nobody_administers_it_from_outside(stack: Stack) -> None:
    for command in ("config get maxmemory", "flushall", "keys '*'", "acl list", "replicaof no one", "shutdown"):
        assert "NOPERM" in cli(stack, command), command
    assert "maxmemory_policy:noeviction" in cli(stack, "info memory")
    assert "aof_enabled:1" in cli(stack, "info persistence")


def test_it_is_confined(stack: Stack) -> None:
    container = engine.inspect("container", f"{stack.project.name}-dev-cache-1")
    host, state = container["HostConfig"], container["State"]
    assert (host["ReadonlyRootfs"], host["CapDrop"], host["PortBindings"] or {}) == (True, ["ALL"], {})
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert state["Health"]["Status"] == "healthy"
    assert host["Memory"] == 512 * 1024 * 1024

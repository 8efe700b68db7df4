"""Two services on one machine: each by its own Makefile, in one stack."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.repository import PAIRS, add
from tests.support import engine

pytestmark = pytest.mark.engine
NAMES = ("orders", "payments")


class Stack:
    def __init__(self, repository: Path, scratch: Path) -> None:
        self.folders = {name: repository / "services" / name for name in NAMES}
        self.environments = {
            name: engine.compose_environment(folder, scratch / name) for name, folder in self.folders.items()
        }

    def run(self, name: str, *command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command, cwd=self.folders[name], env=self.environments[name], capture_output=True, text=True, check=False
        )

    def up(self, name: str) -> str:
        done = self.run(name, "make", "up")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "orphan" not in done.stderr
        return done.stdout.splitlines()[-1]

    def python(self, name: str, script: str) -> "subprocess.CompletedProcess[str]":
        """In the container of a service in Python."""
        return self.run(name, "docker", "compose", "exec", "-T", name, "python", "-c", script)


@pytest.fixture(scope="module")
def stack(plain_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    for name, answers in zip(NAMES, PAIRS[0], strict=True):
        add(plain_template, folder / "shop", name, **answers)
    stack = Stack(folder / "shop", folder)
    try:
        yield stack
    finally:
        for name in NAMES:
            stack.run(name, "docker", "compose", "--profile", "*", "down", "--volumes", "--rmi=local")
            stack.run(name, "docker", "image", "rm", f"{image(stack, name)}:dev")


def image(stack: Stack, name: str) -> str:
    return (stack.folders[name] / "Makefile").read_text().partition("IMAGE := ")[2].splitlines()[0]


def test_services_run_beside_each_other_and_stop_alone(stack: Stack) -> None:
    addresses = {name: stack.up(name) for name in NAMES}
    assert len(set(addresses.values())) == 2
    ask = "import urllib.request as r; print(r.urlopen('http://payments:{port}/readyz', timeout=5).status)"
    port = PAIRS[0][1].get("port", 8080)
    assert stack.python("orders", ask.format(port=port)).stdout == "200\n", "by its name"
    reach = "import socket; socket.create_connection(('{name}-database', 5432), timeout=5)"
    assert stack.python("orders", reach.format(name="orders")).returncode == 0
    refused = stack.python("orders", reach.format(name="payments"))
    assert refused.returncode != 0
    assert "Name or service not known" in refused.stderr or "Temporary failure in name resolution" in refused.stderr

    assert stack.run("payments", "make", "down").returncode == 0
    running = stack.run("orders", "docker", "compose", "ps", "--services").stdout.split()
    assert sorted(running) == ["orders", "orders-database"]
    assert stack.up("payments") == addresses["payments"], "the same address again"

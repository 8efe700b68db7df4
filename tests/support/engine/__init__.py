"""Docker, and what to tell it on a machine that reaches no container registry."""

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.paths import ENGINE


class DockerError(AssertionError):
    """A docker command failed; the text is what it printed."""


@cache
def missing() -> str:
    """Why there is no engine to test with; empty where there is one."""
    try:
        result = subprocess.run(["docker", "info"], capture_output=True, text=True, timeout=30, check=False)
    except FileNotFoundError:
        return "there is no docker command"
    return "" if result.returncode == 0 else (result.stderr.strip().splitlines() or ["docker info failed"])[-1]


@cache
def environment() -> dict[str, str]:
    """The environment for docker commands: on a machine with stand-ins, their build policy."""
    settings = dict(os.environ)
    if ENGINE.exists():
        exports = subprocess.run([str(ENGINE), "env"], check=True, capture_output=True, text=True).stdout
        for line in exports.splitlines():
            name, _, value = line.removeprefix("export ").partition("=")
            settings[name] = value
    return settings


def docker(*arguments: str, cwd: Path | None = None, timeout: float = 600, check: bool = True) -> str:
    """Run docker and return its output; raises DockerError with all it printed."""
    result = subprocess.run(
        ["docker", *arguments], cwd=cwd, env=environment(), capture_output=True, text=True, timeout=timeout, check=False
    )
    if check and result.returncode != 0:
        raise DockerError(
            f"docker {' '.join(arguments)}: exit code {result.returncode}\n{result.stdout}{result.stderr}"
        )
    return result.stdout


def build(context: Path, *arguments: str) -> str:
    """Build, and return the log of the steps: Rust with nothing cached takes half an hour on a busy machine."""
    result = subprocess.run(
        ["docker", "build", "--progress=plain", *arguments, str(context)],
        env=environment(), capture_output=True, text=True, timeout=3600, check=False,
    )  # fmt: skip
    if result.returncode != 0:
        raise DockerError(result.stderr)
    return result.stderr


@contextmanager
def built(context: Path, *arguments: str) -> Iterator[str]:
    """An image under a name of its own, which goes at the end: of these a run would leave gigabytes."""
    image = f"shipshape-test/once:{uuid.uuid4().hex[:12]}"
    build(context, *arguments, f"--tag={image}")
    try:
        yield image
    finally:
        docker("rmi", "--force", image)


def inspect(kind: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(docker(kind, "inspect", name))[0]
    return found


def compose_environment(project: Path, scratch: Path) -> dict[str, str]:
    """The environment for Compose in `project`: images by digest are led to stand-ins where this machine has them."""
    settings = dict(environment())
    if ENGINE.exists():
        override = subprocess.run(
            [str(ENGINE), "override", "docker-compose.yml"], cwd=project, check=True, capture_output=True, text=True
        ).stdout
        scratch.mkdir(parents=True, exist_ok=True)
        (scratch / "stand-ins.json").write_text(override)
        settings["COMPOSE_FILE"] = f"docker-compose.yml:{scratch / 'stand-ins.json'}"
    return settings

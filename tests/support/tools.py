"""Programs that judge: linters of Go, built once by the exact version in pins.yml, or of uv.lock, and our own of Go."""

import hashlib
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.support.golang import compiling
from tests.support.paths import ROOT
from tests.support.render import TEMPLATE


def place_of(name: str) -> Path:
    """The path where a tool of pins.yml is, once it is built."""
    package: str = TEMPLATE.table("pins")["tools"][name]
    return ROOT / ".venv" / "tools" / package.rpartition("@")[2] / name


@cache
def go_tool(name: str) -> str:
    """The path of a tool of pins.yml (`tools:`, name to `module@version`); without Go skips, but fails in CI."""
    package: str = TEMPLATE.table("pins")["tools"][name]
    program = place_of(name)
    if not program.exists():
        if not shutil.which("go"):
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{name} needs Go to be built")
        folder = program.parent / str(os.getpid())  # beside a second worker that builds the same
        # Without C, too: the emulator of Lambda runs inside of images that have no C library.
        run(["go", "install", "-ldflags=-s -w", package], env=compiling("-mod=mod", GOBIN=str(folder)))
        (folder / name).rename(program)
    return str(program)


@cache
def go_program(source: Path) -> str:
    """The path of a program of ours, built once from main.go and what go.sum names; without Go skips, fails in CI."""
    texts = b"".join((source / file).read_bytes() for file in ("main.go", "go.sum"))
    program = ROOT / ".venv" / "tools" / f"{source.name}-{hashlib.sha256(texts).hexdigest()[:12]}" / "judge"
    if not program.exists():
        if not shutil.which("go"):
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{source.name} needs Go to be built")
        fresh = program.with_name(str(os.getpid()))  # beside a second worker that builds the same
        run(["go", "build", "-ldflags=-s -w", f"-o={fresh}", "."], cwd=source, env=compiling("-mod=readonly"))
        fresh.rename(program)
    return str(program)


@cache
def checkov() -> str:
    """The path of checkov, whose dependencies fit none of ours: it is in a group, and in an environment, of its own."""
    folder = ROOT / ".venv" / "tools" / "checkov"
    run(
        ["uv", "sync", "--quiet", "--locked", "--only-group", "checkov"],
        cwd=ROOT,
        env={"UV_PROJECT_ENVIRONMENT": str(folder), "VIRTUAL_ENV": ""},
    )
    return str(folder / "bin" / "checkov")


def run(command: list[str], cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Run a linter; what it prints is the test's failure where it finds something."""
    result = subprocess.run(
        command, cwd=cwd, env=os.environ | (env or {}), capture_output=True, text=True, timeout=1800, check=False
    )
    if result.returncode != 0:
        pytest.fail(
            f"{' '.join(command)}: exit code {result.returncode}\n{result.stdout}{result.stderr}", pytrace=False
        )
    return result.stdout

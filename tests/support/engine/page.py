"""What a page is tried with outside of its image: Node.js and the packages that built it, this machine's Chromium."""

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support import engine
from tests.support.engine import unmoved

BROWSERS = ["chromium", "google-chrome", "chromium-browser"]


def chromium() -> str:
    """The path of a browser that is installed: nothing here fetches one."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        reason = f"no browser is installed here, of {', '.join(BROWSERS)}"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{reason}: .ci/run installs one")
        pytest.skip(reason)
    return browser


def with_tools(project: Path, folder: Path) -> dict[str, str]:
    """Put the packages of its lock file into a front end's project; returns an environment with their Node.js."""
    name = f"shipshape-test-{uuid.uuid4().hex[:8]}"
    with engine.built(project, "--target=deps") as tools:
        engine.docker("create", f"--name={name}", tools)
        try:
            engine.docker("cp", "--quiet", f"{name}:/app/node_modules", str(project / "node_modules"))
            engine.docker("cp", "--quiet", f"{name}:/usr/local", str(folder / "node"))
        finally:
            engine.docker("rm", name)
    return {"CHROMIUM": chromium(), "PATH": f"{folder / 'node/bin'}{os.pathsep}{os.environ['PATH']}"}


def browse(project: Path, tools: Mapping[str, str], *command: str) -> str:
    """Run the page's own tests in Chromium; returns what they printed, raises AssertionError where one fails."""
    done = subprocess.run(
        [sys.executable, unmoved.__file__, *(command or ("npx", "playwright", "test"))],
        cwd=project, env=os.environ | tools, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout
    return done.stdout

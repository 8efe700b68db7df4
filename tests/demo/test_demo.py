"""The README's first command, as a newcomer types it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.engine.container import Container, free_port
from tests.support.paths import ROOT


def make_demo(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "demo"], cwd=checkout, env=os.environ | environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The working tree, in a folder of its own, with the environment that it has already."""
    folder = tmp_path / "shipshape"
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines():
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    os.utime(folder / ".venv/.ready")
    return folder


def test_without_docker_it_renders_and_says_why_it_stops_there(checkout: Path) -> None:
    result = make_demo(checkout, DOCKER_HOST="unix:///nowhere/docker.sock")
    assert result.returncode == 0, result.stderr
    assert "It was not started, for Docker does not answer" in result.stdout
    assert (checkout / "demo/Dockerfile").exists()


@pytest.mark.engine
def test_with_docker_it_runs_and_can_be_run_again(checkout: Path) -> None:
    port, project = free_port(), "shipshape-test-demo"  # a name of its own: a newcomer's demo may be here already
    shared = ROOT.parent / "shared"
    if shared.exists():
        (checkout.parent / "shared").symlink_to(shared)
    try:
        for _ in range(2):
            result = make_demo(checkout, HOST_PORT=str(port), COMPOSE_PROJECT_NAME=project)
            assert result.returncode == 0, result.stdout + result.stderr
            assert f"http://127.0.0.1:{port}\n" in result.stdout
            assert Container(f"{project}-app-1", port).get("/readyz").status == 200
    finally:
        subprocess.run(
            ["docker", "compose", f"--project-name={project}", "down", "--volumes"], check=True, capture_output=True
        )

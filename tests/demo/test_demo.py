"""The README's first commands, as a newcomer types them."""

import json
import os
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.support.engine.container import Container, free_port
from tests.support.engine.page import browse, with_tools
from tests.support.paths import ROOT


def make(target: str, checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", target], cwd=checkout, env=os.environ | environment, capture_output=True, text=True, check=False
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
    if (ROOT.parent / "shared").exists():
        (tmp_path / "shared").symlink_to(ROOT.parent / "shared")
    return folder


def test_without_docker_it_renders_and_says_why_it_stops_there(checkout: Path) -> None:
    result = make("demo", checkout, DOCKER_HOST="unix:///nowhere/docker.sock")
    assert result.returncode == 0, result.stderr
    assert "It was not started, for Docker does not answer" in result.stdout
    assert (checkout / "demo/Dockerfile").exists()


@pytest.mark.engine
def test_with_docker_it_runs_and_can_be_run_again(checkout: Path) -> None:
    port, project = free_port(), "shipshape-test-demo"  # a name of its own: a newcomer's demo may be here already
    try:
        for _ in range(2):
            result = make("demo", checkout, HOST_PORT=str(port), COMPOSE_PROJECT_NAME=project)
            assert result.returncode == 0, result.stdout + result.stderr
            assert f"http://127.0.0.1:{port}\n" in result.stdout
            assert Container(f"{project}-app-1", port).get("/readyz").status == 200
    finally:
        subprocess.run(
            ["docker", "compose", f"--project-name={project}", "down", "--volumes"], check=True, capture_output=True
        )


@pytest.mark.engine
def test_a_page_its_back_end_and_their_data_start_by_one_command(checkout: Path, tmp_path: Path) -> None:
    """Looked at in Chromium, by the page's own tests, which add an item; it is there again after a stop."""
    project = {"COMPOSE_PROJECT_NAME": "shipshape-test-demo-stack"}
    page = checkout / "demo-stack/services/web"
    try:
        for _ in range(2):
            result = make("demo-stack", checkout, **project)
            assert result.returncode == 0, result.stdout + result.stderr
            address = re.findall(r"^http://\S+$", result.stdout, re.MULTILINE)[-1]
            if not (page / "node_modules").exists():
                tools = with_tools(page, tmp_path)
                browse(page, project | tools, "make", "test-e2e")
                assert make("down", checkout / "demo-stack", **project).returncode == 0
        with urllib.request.urlopen(f"{address}/api/items", timeout=10) as answer:
            items = json.load(answer)["items"]
        assert {re.sub(r"\d+", "N", item["name"]) for item in items} == {"bolt N"}
    finally:
        names = f"--project-name={project['COMPOSE_PROJECT_NAME']}"
        subprocess.run(["docker", "compose", names, "down", "--volumes"], check=True, capture_output=True)

"""What CloudNativePG's own webhooks say to what is rendered for it: its validation, built from its source."""

import subprocess
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kubernetes.test_database import WITH
from tests.support.cluster.manifests import ENVIRONMENTS, Rendered, kustomize, one, restored
from tests.support.tools import go_program

pytestmark = pytest.mark.engine  # it needs none, but is too long to build for the quick layers

SOURCE = Path(__file__).with_name("cloudnative-pg")  # a minute and a half, once


def judged(*paths: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([go_program(SOURCE), *paths], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def everything(put_together: Callable[[int], Rendered]) -> list[Rendered]:
    return [put_together(index) for index in WITH]


def test_it_takes_all_that_is_rendered(everything: list[Rendered]) -> None:
    sets = [f"{kind}/{environment}.yml" for kind in ("database", "restored") for environment in ENVIRONMENTS]
    paths = [rendered.folder / name for rendered in everything for name in sets]
    answer = judged(*paths)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert int(answer.stdout) == 2 * len(paths) > 0, "a Cluster and a ScheduledBackup each"


def test_it_takes_a_moment_in_the_past(everything: list[Rendered], tmp_path: Path) -> None:
    """As deploy/README.md has it: without the one character `#` before it."""
    folder = restored(everything[0].project, "production", tmp_path / "database")
    path = tmp_path / "database/restore/kustomization.yml"
    path.write_text(path.read_text().replace("#recoveryTarget", "recoveryTarget"))
    (tmp_path / "changed.yml").write_text(kustomize(folder))
    assert "targetTime: 2026-01-31 08:15:00+00" in (tmp_path / "changed.yml").read_text()
    answer = judged(tmp_path / "changed.yml")
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "2\n", "")


# set, kind, where in its spec, what it is there, and what is said to that
WRONG: dict[str, tuple[str, str, list[str], Any, str]] = {
    "a field": ("database", "Cluster", ["instance"], 3, "unknown field"),
    "as many synchronous as there are": (
        "database", "Cluster", ["postgresql", "synchronous", "number"], 3, "Invalid value",
    ),
    "a setting of its own": (
        "database", "Cluster", ["postgresql", "parameters"], {"archive_command": "true"}, "Can't set fixed",
    ),
    "an image without a version": ("database", "Cluster", ["imageName"], "postgres", "Invalid value"),
    "a disk of no size": ("database", "Cluster", ["walStorage", "size"], "much", "Size value isn't valid"),
    "nothing to recover from": ("restored", "Cluster", ["externalClusters"], [], "not found"),
    "a role twice": (
        "database", "Cluster", ["managed", "roles"], [{"name": "app"}, {"name": "app"}], "Role name is duplicate",
    ),
    "a schedule of words": ("database", "ScheduledBackup", ["schedule"], "each night", "Expected 5 to 6 fields"),
    "a schedule without seconds": ("database", "ScheduledBackup", ["schedule"], "32 2 * * *", "six arguments"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_it_refuses_what_is_wrong(everything: list[Rendered], tmp_path: Path, name: str) -> None:
    folder, kind, path, value, reason = WRONG[name]
    manifest = deepcopy(one(everything[0].sets[f"{folder}/production"], kind))
    part = manifest["spec"]
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    (tmp_path / "changed.yml").write_text(yaml.safe_dump(manifest))
    answer = judged(tmp_path / "changed.yml")
    assert answer.returncode == 1
    assert reason in answer.stderr

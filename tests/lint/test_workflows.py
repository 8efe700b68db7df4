"""Our own workflows: all layers are run on GitHub, and a release says what the changelog says."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.paths import ROOT
from tests.support.run.layers import REAL


def jobs(name: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text())["jobs"]
    return found


def test_each_layer_is_a_job_but_the_cluster() -> None:
    layers = jobs("ci")["real"]["strategy"]["matrix"]["layer"]
    assert {*layers, "cluster"} == {layer.name for layer in REAL}


def test_the_quick_layers_have_the_history() -> None:
    """A clone with one commit knows neither a release's commit nor the tags."""
    checkout = jobs("ci")["quick"]["steps"][0]
    assert checkout["uses"].startswith("actions/checkout@")
    assert checkout["with"]["fetch-depth"] == 0


def test_one_job_stands_for_all() -> None:
    ci = jobs("ci")
    assert set(ci["ci"]["needs"]) == ci.keys() - {"ci"}
    assert ci["ci"]["if"] == "always()", "a job that is skipped counts as passed"


@pytest.mark.parametrize(
    ("results", "code"),
    [("success success", 0), ("success failure", 1), ("cancelled success", 1), ("skipped skipped", 1)],
)
def test_it_fails_unless_all_have_passed(results: str, code: int) -> None:
    (step,) = jobs("ci")["ci"]["steps"]
    assert len(results.split()) == len(jobs("ci")["ci"]["needs"])
    done = subprocess.run(["bash", "-e", "-c", step["run"]], env={"RESULTS": results}, capture_output=True, check=False)
    assert done.returncode == code


def test_a_release_waits_for_the_tests() -> None:
    release = jobs("release")
    assert release["release"]["needs"] == "test"
    assert release["test"]["uses"] == "./.github/workflows/ci.yml"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Version 1.2.0 of a made-up project."""
    (tmp_path / ".ci").mkdir()
    shutil.copy2(ROOT / ".ci/notes", tmp_path / ".ci/notes")
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n')
    sections = ["# Changelog", "## Unreleased", "- Next.", "## 1.2.0 - 2026-11-25", "### Added", "- This.", "## 1.1.0"]
    (tmp_path / "CHANGELOG.md").write_text("\n\n".join([*sections, "- That.\n"]))
    return tmp_path


def notes(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([checkout / ".ci/notes", *arguments], capture_output=True, text=True, check=False)


def test_the_notes_of_a_release_are_its_section_of_the_changelog(checkout: Path) -> None:
    done = notes(checkout, "v1.2.0")
    assert (done.returncode, done.stdout, done.stderr) == (0, "### Added\n\n- This.\n", "")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "Usage: .ci/notes vMAJOR.MINOR.PATCH"),
        (("1.2.0",), 2, "Usage: .ci/notes vMAJOR.MINOR.PATCH"),
        (("v1.1.0",), 1, "notes: pyproject.toml does not say version 1.1.0"),
    ],
)
def test_a_tag_that_is_no_release_is_refused(
    checkout: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    done = notes(checkout, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", f"{message}\n")


def test_a_version_that_the_changelog_does_not_know_is_refused(checkout: Path) -> None:
    path = checkout / "CHANGELOG.md"
    path.write_text(path.read_text().replace("## 1.2.0", "## 1.2.0-rc.1"))
    done = notes(checkout, "v1.2.0")
    assert (done.returncode, done.stderr) == (1, "notes: CHANGELOG.md has no section ## 1.2.0\n")


def test_the_changelog_is_ready_for_a_release() -> None:
    """First stands what is not released yet, under a heading that becomes the version's, or else the version itself."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    released = rf"{re.escape(version)} - \d{{4}}-\d\d-\d\d"
    kinds = "(Added|Changed|Fixed|Removed|Deprecated|Security)"
    first = rf"# Changelog\n\n[^#]+\n\n## (Unreleased|{released})\n\n### {kinds}\n"
    assert re.match(first, (ROOT / "CHANGELOG.md").read_text())

"""The field's linters, the real ones, beside our own rules."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from shipshape.audit import linters

from tests.audit.conftest import Audit
from tests.support.cluster.schemas import VERSIONS, write_kubernetes
from tests.support.tools import go_tool

HERE = Path(sys.executable).parent


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture(scope="session")
def made() -> dict[str, str]:
    """The paths of linters that Go builds, which it can't with an empty PATH."""
    return {name: go_tool(name) for name in ("actionlint", "kubeconform")}


@pytest.fixture
def path(made: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH, and empty."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin"


@pytest.fixture
def installed(path: Path) -> None:
    for name in ("hadolint", "zizmor"):
        (path / name).symlink_to(HERE / name)


def test_what_both_say_is_one_finding(faulty: Path, command: Audit, installed: None) -> None:
    (faulty / "Dockerfile").write_text("FROM python:3.14\nRUN apt-get install -y curl\nCOPY . .\nCMD python app.py\n")
    said = json.loads(command(faulty, "--format=json", linters=True).stdout)
    also = {one["rule"]: one["also"] for one in said["findings"]}
    assert also["docker-exec-form"] == ["hadolint/DL3025"]
    assert also["actions-pinned"] == ["zizmor/unpinned-uses"]
    assert also["actions-permissions"] == ["zizmor/excessive-permissions"]
    assert also["actions-credentials"] == ["zizmor/artipacked"]
    assert not also.keys() & {"hadolint/DL3025", "zizmor/unpinned-uses"}
    assert "hadolint/DL3008" in also
    assert said["linters"] == {"hadolint": "ran", "zizmor": "ran", "actionlint": "not found"}
    alone = json.loads(command(faulty, "--format=json").stdout)
    assert (said["score"], said["rules"]) == (alone["score"], alone["rules"])


def test_what_is_theirs_alone_is_named_and_does_not_count(faulty: Path, command: Audit, installed: None) -> None:
    (faulty / "Dockerfile").write_text("FROM python:3.14\nRUN apt-get install -y curl\n")
    said = command(faulty, linters=True).stdout
    assert "warning hadolint/DL3008\n    Dockerfile:2: Pin versions in apt get install" in said
    assert "of linters, which do not count" in said
    assert "error docker-user" in said


def test_an_accepted_finding_of_a_linter(faulty: Path, command: Audit, installed: None) -> None:
    (faulty / "Dockerfile").write_text("FROM python:3.14\nRUN apt-get install -y curl\n")
    (faulty / ".shipshape.yml").write_text("accept: [{rule: hadolint/DL3008, reason: the base is pinned}]")
    assert "DL3008" not in command(faulty, linters=True).stdout
    (faulty / ".shipshape.yml").write_text("accept: [{rule: hadolint/DL4000, reason: long ago}]")
    assert ".shipshape.yml:1: accepts hadolint/DL4000, which is not found" in command(faulty, linters=True).stdout


def test_their_settings_in_the_repository_hold(faulty: Path, command: Audit, installed: None) -> None:
    (faulty / "Dockerfile").write_text("FROM python:3.14\nRUN apt-get install -y curl\n")
    (faulty / ".hadolint.yaml").write_text("ignored: [DL3008]\n")
    assert "DL3008" not in command(faulty, linters=True).stdout


def test_actionlint(faulty: Path, command: Audit, path: Path, made: dict[str, str]) -> None:
    (path / "actionlint").symlink_to(made["actionlint"])
    workflow = faulty / ".github/workflows/ci.yml"
    workflow.write_text(
        f"{workflow.read_text()}      - run: echo ${{{{ github.event.issue.title }}}} ${{{{ nobody.knows }}}}\n"
    )
    found = json.loads(command(faulty, "--format=json", linters=True).stdout)["findings"]
    (injection,) = [one for one in found if one["rule"] == "actions-injection"]
    assert injection["also"] == ["actionlint/expression"]
    workflow.write_text(workflow.read_text().replace("steps:", "stepz:"))
    found = json.loads(command(faulty, "--format=json", linters=True).stdout)["findings"]
    assert [one for one in found if one["rule"] == "actionlint/syntax-check" and "stepz" in one["text"]]


def test_kubeconform(faulty: Path, command: Audit, path: Path, tmp_path: Path, made: dict[str, str]) -> None:
    (tmp_path / "schemas").mkdir()
    write_kubernetes(VERSIONS[-1], tmp_path / "schemas")
    location = f"'{tmp_path}/schemas/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json'"
    script(path / "kubeconform", f'exec {made["kubeconform"]} -schema-location {location} "$@"')
    (faulty / "k8s.yml").write_text("apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: 80}\n")
    (one,) = [
        one
        for one in json.loads(command(faulty, "--format=json", linters=True).stdout)["findings"]
        if one["rule"] == "kubeconform/schema"
    ]
    assert (one["path"], one["severity"]) == ("k8s.yml", "error")
    assert one["text"].startswith("Service a: ")


def test_which_did_not_run_is_said_in_one_line(faulty: Path, command: Audit, path: Path) -> None:
    (faulty / "k8s.yml").write_text("{apiVersion: v1, kind: Service, metadata: {name: a}}")
    said = command(faulty, linters=True).stdout.splitlines()
    (line,) = [line for line in said if line.startswith("Linters that said nothing: ")]
    for name in ("hadolint", "actionlint", "zizmor", "kubeconform"):
        assert f"{name} (not found)" in line


FAILURES = {
    "echo no JSON": "its output is not what this version of shipshape knows",
    "echo '[{}]'": "its output is not what this version of shipshape knows",
    "echo '{\"a\": 1}'": "its output is not what this version of shipshape knows",
    "echo first >&2; echo it broke >&2; exit 3": "failed: it broke",
    "exit 3": "failed: exit code 3",
    "exec sleep 9": "timed out after 0.2 seconds",
}


@pytest.mark.parametrize("text", FAILURES)
def test_a_linter_that_fails_is_said(
    faulty: Path, command: Audit, path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(linters, "LIMIT", 0.2 if "sleep" in text else 60)
    (path / "sleep").symlink_to(str(shutil.which("sleep", path="/bin:/usr/bin")))
    script(path / "hadolint", text)
    assert FAILURES[text] in command(faulty, linters=True).stdout

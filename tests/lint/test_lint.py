"""The field's linters find nothing in what is rendered."""

import re
import shutil
from pathlib import Path

import pytest

from tests.support import engine
from tests.support.paths import ROOT
from tests.support.render import commit
from tests.support.tools import go_tool, run

SHA_WITH_VERSION = re.compile(r"@[0-9a-f]{40} # (v\S+)")


def workflows(folder: Path) -> list[Path]:
    return sorted((folder / ".github/workflows").glob("*.yml"))


@pytest.fixture
def by_tag(project: Path, tmp_path: Path) -> Path:
    """The project with actions by tag: actionlint knows their inputs by tag only."""
    copy = tmp_path / "by-tag"
    shutil.copytree(project / ".github", copy / ".github")
    for path in workflows(copy):
        path.write_text(SHA_WITH_VERSION.sub(lambda match: f"@{match[1].split('.')[0]}", path.read_text()))
    commit(copy, "by tag")
    return copy


def test_hadolint(project: Path) -> None:
    run(["hadolint", "--failure-threshold", "style", str(project / "Dockerfile")])


def test_actionlint(project: Path, by_tag: Path) -> None:
    for folder in (project, by_tag):
        run([go_tool("actionlint"), "-color", *map(str, workflows(folder))], cwd=folder)


def test_zizmor(project: Path) -> None:
    run(["zizmor", "--persona=pedantic", "--offline", "--no-progress", str(project)])


def test_gitleaks(project: Path) -> None:
    run([go_tool("gitleaks"), "dir", "--no-banner", "--redact", str(project)])


def test_schemas(project: Path) -> None:
    run(["check-jsonschema", "--builtin-schema", "vendor.renovate", str(project / "renovate.json")])
    run(["check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(project / "docker-compose.yml")])
    run(["check-jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, workflows(project))])


@pytest.mark.engine
def test_docker_build_check(project: Path) -> None:
    assert "no warnings found" in engine.docker("build", "--check", str(project))


@pytest.mark.engine
def test_compose_config(project: Path) -> None:
    engine.docker("compose", "--file", str(project / "docker-compose.yml"), "config", "--quiet")


def test_our_own_workflows() -> None:
    run([go_tool("actionlint"), "-color", *map(str, workflows(ROOT))], cwd=ROOT)
    run(["zizmor", "--persona=pedantic", "--offline", "--no-progress", str(ROOT / ".github")])


def test_our_own_repository_holds_no_secret() -> None:
    run([go_tool("gitleaks"), "dir", "--no-banner", "--redact", str(ROOT / "template")])


def test_our_own_script() -> None:
    run(["shellcheck", "--severity=style", str(ROOT / ".ci/run")])

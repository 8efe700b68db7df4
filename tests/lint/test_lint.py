"""The field's linters find nothing in what is rendered."""

import hashlib
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.support import engine
from tests.support.paths import ROOT
from tests.support.render import COMBINATIONS, PIPELINES, commit, name_of
from tests.support.tools import go_tool, run

SHA_WITH_VERSION = re.compile(r"@[0-9a-f]{40} # (v\S+)")
DOCKERFILES = list({(a["language"], a["language_version"]): a for a in COMBINATIONS}.values())


def workflows(folder: Path) -> list[Path]:
    return sorted((folder / ".github/workflows").glob("*.yml"))


@pytest.fixture(scope="module")
def is_new() -> Callable[..., bool]:
    """Whether a linter has not yet seen these very files: many answers render the same ones."""
    seen = set()

    def check(linter: str, paths: Iterator[Path]) -> bool:
        digest = hashlib.sha256(linter.encode())
        for path in sorted(p for p in paths if p.is_file()):
            digest.update(path.read_bytes())
        known = digest.digest() in seen
        seen.add(digest.digest())
        return not known

    return check


@pytest.fixture(params=DOCKERFILES, ids=name_of)
def project(request: pytest.FixtureRequest, rendered: Callable[[Answers], Path]) -> Path:
    return rendered(request.param)


@pytest.fixture(params=PIPELINES, ids=name_of)
def pipeline(request: pytest.FixtureRequest, rendered: Callable[[Answers], Path]) -> Path:
    return rendered(request.param)


def by_tag(project: Path, copy: Path) -> Path:
    """The project with actions by tag: actionlint knows their inputs by tag only."""
    shutil.copytree(project / ".github", copy / ".github")
    for path in workflows(copy):
        path.write_text(SHA_WITH_VERSION.sub(lambda match: f"@{match[1].split('.')[0]}", path.read_text()))
    commit(copy, "by tag")
    return copy


def test_hadolint(project: Path) -> None:
    run(["hadolint", "--failure-threshold", "style", str(project / "Dockerfile")])


def test_the_pipeline(pipeline: Path, is_new: Callable[..., bool], tmp_path: Path) -> None:
    if is_new("actionlint", pipeline.rglob(".github/workflows/*")):
        for folder in (pipeline, by_tag(pipeline, tmp_path / "by-tag")):
            run([go_tool("actionlint"), "-color", *map(str, workflows(folder))], cwd=folder)
        run(["check-jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, workflows(pipeline))])
    if is_new("zizmor", pipeline.rglob(".github/**/*")):
        run(["zizmor", "--persona=pedantic", "--offline", "--no-progress", str(pipeline)])
    if is_new("shellcheck", pipeline.rglob("*.sh")):
        scripts = sorted(str(path.relative_to(pipeline)) for path in pipeline.rglob("*.sh"))
        run(["shellcheck", "--severity=style", "--external-sources", *scripts], cwd=pipeline)
    if is_new("cfn-lint", pipeline.rglob("deploy/e*/*.yml")) and list(pipeline.glob("deploy/e*/*.yml")):
        run(["cfn-lint", "--include-checks", "I", "--", *map(str, pipeline.glob("deploy/e*/*.yml"))])
    for name, schema in [("renovate.json", "renovate"), (".github/dependabot.yml", "dependabot")]:
        path = pipeline / name
        if path.exists() and is_new(name, iter([path])):
            run(["check-jsonschema", "--builtin-schema", f"vendor.{schema}", str(path)])


def test_gitleaks(project: Path) -> None:
    run([go_tool("gitleaks"), "dir", "--no-banner", "--redact", str(project)])


def test_the_compose_schema(project: Path) -> None:
    run(["check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(project / "docker-compose.yml")])


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
    config = str(ROOT / ".gitleaks.toml")
    for folder in ("template", "examples"):
        run([go_tool("gitleaks"), "dir", "--no-banner", "--redact", f"--config={config}", str(ROOT / folder)])


def test_our_own_script() -> None:
    run(["shellcheck", "--severity=style", str(ROOT / ".ci/run")])

"""The field's linters find nothing in what is rendered."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.support import engine
from tests.support.paths import ROOT
from tests.support.render import COMBINATIONS, PIPELINES, commit, name_of
from tests.support.render.answers import ECS, KUBERNETES, LAMBDA, MACHINES, YOURS
from tests.support.run.linted import IsNew, named, shellcheck
from tests.support.tools import go_tool, run

CALLED = re.compile(r"uses: \./(\.github/workflows/\S+)")
SHA_WITH_VERSION = re.compile(r"@[0-9a-f]{40} # (v\S+)")
EVERYTHING = list(
    {name_of(answers): answers for answers in [*PIPELINES, *KUBERNETES, *ECS, *LAMBDA, *MACHINES, *YOURS]}.values()
)
DOCKERFILES = list({(a["language"], a["language_version"]): a for a in COMBINATIONS}.values())


def workflows(folder: Path) -> list[Path]:
    return sorted((folder / ".github/workflows").glob("*.yml"))


@pytest.fixture
def distinct(rendered: Callable[[Answers], Path]) -> Callable[[str], list[str]]:
    """The files that a pattern finds in any rendering, each text once: a linter that starts slowly is started once."""

    def find(pattern: str) -> list[str]:
        paths = (path for answers in EVERYTHING for path in sorted(rendered(answers).glob(pattern)))
        texts = {path.read_bytes(): str(path) for path in paths}
        assert texts, pattern
        return list(texts.values())

    return find


@pytest.fixture(params=DOCKERFILES, ids=name_of)
def project(request: pytest.FixtureRequest, rendered: Callable[[Answers], Path]) -> Path:
    return rendered(request.param)


@pytest.fixture(params=EVERYTHING, ids=name_of)
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


def test_actionlint(pipeline: Path, is_new: IsNew, tmp_path: Path) -> None:
    """Each text once, with the workflows that it calls."""
    fresh = [path.name for path in workflows(pipeline) if is_new("actionlint", [path, *named(CALLED, path, pipeline)])]
    if fresh:
        folder = by_tag(pipeline, tmp_path / "by-tag")
        # which it finds by itself in a repository
        settings = ("-config-file", str(folder / ".github/actionlint.yaml"))
        names = [f".github/workflows/{name}" for name in fresh]
        run([go_tool("actionlint"), "-color", *settings, *names], cwd=folder)


def test_zizmor(pipeline: Path, is_new: IsNew) -> None:
    if is_new("zizmor", pipeline.rglob(".github/**/*")):
        run(["zizmor", "--persona=auditor", "--offline", "--no-progress", str(pipeline)])


def test_shellcheck(pipeline: Path, is_new: IsNew) -> None:
    shellcheck(pipeline, pipeline.rglob("*.sh"), is_new)


def test_cfn_lint(distinct: Callable[[str], list[str]]) -> None:
    """With its hints."""
    templates = [
        *distinct("deploy/e[ck][rs]/*.yml"),
        *distinct("deploy/lambda/*.yml"),
        *distinct("deploy/compose/*.yml"),
    ]
    expected = {"registry.yml", "deployer.yml", "service.yml", "roles.yml", "base.yml", "instance.yml", "function.yml"}
    assert {Path(path).name for path in templates} >= expected
    run(["cfn-lint", "--include-checks", "I", "--", *dict.fromkeys(templates)])


@pytest.mark.parametrize(
    ("schema", "pattern"),
    [
        ("github-workflows", ".github/workflows/*.yml"),
        ("renovate", "renovate.json"),
        ("dependabot", ".github/dependabot.yml"),
        ("compose-spec", "docker-compose.yml"),
        ("compose-spec", "compose.yaml"),
        ("compose-spec", "deploy/compose/compose.prod.yaml"),
    ],
)
def test_the_schemas_of(schema: str, pattern: str, distinct: Callable[[str], list[str]]) -> None:
    run(["check-jsonschema", "--builtin-schema", f"vendor.{schema}", *distinct(pattern)])


def test_gitleaks(project: Path) -> None:
    run([go_tool("gitleaks"), "dir", "--no-banner", "--redact", str(project)])


@pytest.mark.engine
def test_docker_build_check(project: Path) -> None:
    assert "no warnings found" in engine.docker("build", "--check", str(project))


@pytest.mark.engine
def test_compose_config(project: Path) -> None:
    engine.docker("compose", "--file", str(project / "docker-compose.yml"), "config", "--quiet")


def test_our_own_workflows() -> None:
    run([go_tool("actionlint"), "-color", *map(str, workflows(ROOT))], cwd=ROOT)
    run(["zizmor", "--persona=auditor", "--offline", "--no-progress", str(ROOT / ".github")])


def test_our_own_repository_holds_no_secret() -> None:
    config = str(ROOT / ".gitleaks.toml")
    for folder in ("template", "examples"):
        run([go_tool("gitleaks"), "dir", "--no-banner", "--redact", f"--config={config}", str(ROOT / folder)])


def test_our_own_scripts() -> None:
    run(["shellcheck", "--severity=style", *map(str, sorted((ROOT / ".ci").iterdir()))])

"""A release of the template meets edits of the owner's in every file of ours: no conflict, and nothing is lost."""

from pathlib import Path

import pytest
import yaml
from copier import run_update

from tests.adopt.cases import CASES, Case, adopted
from tests.support.render import ORDERS, commit, git, released_copy, render

# A line that a shell, YAML, a Makefile, a Dockerfile, an ignore file and Git's attributes all take for a comment.
MINE = "# Ours, said the owner.\n"
NO_COMMENTS = {".json", ".md"}


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    return released_copy(tmp_path / "template")


def release_two(template: Path) -> list[str]:
    """Adds a line at the top of each file that is rendered for all."""
    changed = []
    for path in sorted((template / "template/project").rglob("*.jinja")):
        text = path.read_text()
        if text.startswith("#!/usr/bin/env bash\n"):
            path.write_text(text.replace("\n", "\n# Of release two.\n", 1))
            changed.append(path.name.removesuffix(".jinja"))
    commit(template, "v2", tag="v2.0.0")
    return changed


def update(project: Path, **answers: object) -> None:
    run_update(project, data=answers, defaults=True, overwrite=True, quiet=True, unsafe=False)
    assert git(project, "ls-files", "--unmerged") == ""
    assert not list(project.rglob("*.rej"))


# One of each language, and of what is kept.
SOME = [
    case
    for case in CASES
    if case.name in {"django-pip", "pnpm", "go-two-mains", "cargo-workspace", "gradle-wrapper", "dockerfile-only"}
]


@pytest.mark.parametrize("case", SOME, ids=[case.name for case in SOME])
def test_an_update_keeps_the_owners_edits_in_every_file_of_ours(case: Case, releases: Path, tmp_path: Path) -> None:
    project = adopted(case, releases, tmp_path / "orders-api")
    ours = [
        project / name
        for name in git(project, "ls-files", "--others", "--exclude-standard").splitlines()
        if name != ".copier-answers.yml"
    ]
    ours = [path for path in ours if path.suffix not in NO_COMMENTS]
    commit(project, "Ship it")
    for path in ours:
        path.write_text(path.read_text() + MINE)
    commit(project, "Our own work")
    before = git(project, "ls-files").splitlines()
    assert release_two(releases)
    update(project)
    assert yaml.safe_load((project / ".copier-answers.yml").read_text())["_commit"] == "v2.0.0"
    for path in ours:
        assert path.read_text().endswith(MINE), path
    assert (
        "# Of release two.\n" in (project / "ship/lib.sh").read_text()
        or "# Of release two.\n" in (project / "ship/smoke.sh").read_text()
    )
    assert git(project, "ls-files").splitlines() == before
    theirs = [name for name in before if project / name not in ours]
    changed = set(git(project, "diff", "--name-only").splitlines()) & set(theirs)
    assert changed <= {".copier-answers.yml", "deploy/README.md", "renovate.json"}


def test_a_file_that_becomes_ours_and_theirs_again_is_not_lost(releases: Path, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.name == "asgi-pdm")
    project = adopted(case, releases, tmp_path / "orders-api")
    commit(project, "Ship it")
    # theirs, by the answers file, committed first: `copier update --data kept=…` would delete it
    answers = project / ".copier-answers.yml"
    answers.write_text(answers.read_text().replace("kept: []", "kept:\n- .gitattributes"))
    commit(project, "Keep it")
    release_two(releases)
    update(project)
    assert (project / ".gitattributes").exists()
    assert yaml.safe_load(answers.read_text())["kept"] == [".gitattributes"]


def test_a_service_of_a_starter_stays_one(releases: Path, tmp_path: Path) -> None:
    """Its files look like an owner's code: its answers say what it is."""
    project = render(releases, tmp_path / "orders-api", **ORDERS, language="go", database="none")
    commit(project, "Start from the template")
    release_two(releases)
    update(project)
    assert "source" not in yaml.safe_load((project / ".copier-answers.yml").read_text())
    assert (project / "Makefile").exists()
    assert not (project / "ship.mk").exists()

"""Each pin has one writer: docs/decisions/0008-one-writer-per-pin.md.

With two, every update of the template is a conflict: https://github.com/renovatebot/renovate/issues/31600
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from copier import run_update
from shipshape.template import Answers

from tests.support.render import ORDERS, PIPELINES, TEMPLATE, commit, git, name_of, one_per, plain_copy, render

PIPELINE: list[str] = TEMPLATE.table("everyone")["pipeline"]
# No manager of a robot looks at manifests by itself: what backs up, what admits it, and a database come with a release.
MANIFESTS = {
    "deploy/policy/images.yml", "deploy/kubernetes/database/cluster/cluster.yml",
    *(f"deploy/kubernetes/backup/base/{one}.yml" for one in ("backup", "restore")),
}  # fmt: skip
# Where the robots' own managers look for images: https://docs.renovatebot.com/modules/manager/docker-compose/
ROBOTS = re.compile(r"(^|/)Dockerfile$|(^|/)(docker-)?compose[^/]*\.ya?ml$")
DIGEST = re.compile(r"[a-z0-9./_-]+:[\w.-]+@sha256:[0-9a-f]{64}")
# An image, an action, a program that Go builds, and what a workflow says of the tools that it installs.
PIN = re.compile(
    rf"{DIGEST.pattern}|[\w./-]+@[0-9a-f]{{40}} # v\S+|github\.com/[\w./-]+@v\d\S*"
    r"|cosign-release: v\S+|go-version: ['\"]?[\d.]+"
)
IN_CLUSTER: Answers = {"language": "go", "orchestrator": "kubernetes", "kubernetes_database": "cloudnative-pg"}
UPDATERS = ["renovate", "dependabot"]


def robot(project: Path, digest: str) -> list[str]:
    """Move every image as Renovate or Dependabot does; gives the files."""
    managers: list[dict[str, Any]] = []
    if (project / "renovate.json").exists():
        managers = json.loads((project / "renovate.json").read_text()).get("customManagers", [])
    found = {ROBOTS: [DIGEST]} | {
        re.compile(pattern.strip("/")): [re.compile(one.replace("(?<", "(?P<")) for one in manager["matchStrings"]]
        for manager in managers
        for pattern in manager["managerFilePatterns"]
    }
    moved = []
    for path in sorted(filter(Path.is_file, project.rglob("*"))):
        name = str(path.relative_to(project))
        if ".git/" in name:
            continue
        before = after = path.read_text()
        for pattern in (one for file, patterns in found.items() if file.search(name) for one in patterns):
            after = pattern.sub(lambda match: re.sub("[0-9a-f]{64}$", digest * 64, match[0]), after)
        path.write_text(after)
        moved += [name] if after != before else []
    return moved


def release(template: Path, digest: str, tag: str) -> None:
    """A release with newer images, actions and tools."""
    for path in [template / "template/tables/pins.yml", *template.glob("template/**/*.yml.jinja")]:
        text = re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{digest * 64}", path.read_text())
        text = re.sub(r"(@|: )[0-9a-f]{40} # v(\S+)", rf"\g<1>{digest * 40} # v\g<2>1", text)
        path.write_text(re.sub(r"(github\.com/\S+@v\S+|cosign-release: v\S+)", r"\g<1>1", text))
    commit(template, f"Newer pins: {tag}", tag=tag)


def update(project: Path, **answers: Any) -> None:
    run_update(project, data=answers, defaults=True, overwrite=True, quiet=True, unsafe=False)
    assert git(project, "ls-files", "--unmerged") == ""


@pytest.mark.parametrize("updater", UPDATERS)
def test_the_robots_updates_and_a_release_s_do_not_conflict(tmp_path: Path, updater: str) -> None:
    template = plain_copy(tmp_path / "template")
    commit(template, "v1", tag="v1.0.0")
    project = render(template, tmp_path / "orders-api", **ORDERS, dependency_updates=updater)
    commit(project, "Start from the template")
    for number, (moved, released) in enumerate([("a", "b"), ("c", "d")], start=2):
        assert {"Dockerfile", "docker-compose.yml"} <= set(robot(project, moved))
        commit(project, "Update the images")
        release(template, released, f"v{number}.0.0")
        update(project)
        digests = {"robot": f"sha256:{moved * 64}", "release": f"sha256:{released * 64}"}
        for name in ("Dockerfile", "docker-compose.yml", "deploy/compose/compose.prod.yaml"):
            text = (project / name).read_text()
            assert digests["robot"] in text, f"{name}: what the robot brought is gone"
            assert digests["release"] not in text, name
        assert digests["release"] in (project / "Makefile").read_text(), "the pipeline's tools are as old as they were"
        assert f"@{released * 40} #" in (project / ".github/workflows/ci.yml").read_text()
        commit(project, "Update the template")


def test_another_line_of_the_language_starts_with_the_release_s_image(tmp_path: Path) -> None:
    template = plain_copy(tmp_path / "template")
    commit(template, "v1", tag="v1.0.0")
    project = render(template, tmp_path / "orders-api", **ORDERS, language_version="3.14")
    commit(project, "Start from the template")
    release(template, "e", "v2.0.0")
    update(project, language_version="3.13")
    (line,) = re.findall(r"^FROM (python:3\.13\S+)", (project / "Dockerfile").read_text(), re.MULTILINE)
    assert line.endswith("e" * 64)


def next_line(template: Path) -> None:
    """A line of its own below the image's."""
    path = template / "template/project/{{ only.go }}/Dockerfile.jinja"
    path.write_text(re.sub(r"(?m)^(FROM .+)$", r"\1\n# Of release two.", path.read_text()))


def another_base(template: Path) -> None:
    """The distribution's next release, whose image has another name: no robot proposes it."""
    for path in sorted(template.glob("template/**/*")):
        if path.is_file():
            text = path.read_text().replace("static-debian13", "static-debian14")
            path.write_text(text.replace("distroless-static", "distroless-static-14"))


# https://github.com/dexidp/dex/pull/4453, https://github.com/bufbuild/plugins/pull/2346
@pytest.mark.parametrize(
    ("change", "answers", "line"),
    [
        (next_line, {}, f"static-debian13:nonroot@sha256:{'a' * 64}"),
        (another_base, {}, f"static-debian14:nonroot@sha256:{'b' * 64}"),
        (None, {"language": "python", "language_version": "3.13"}, f"@sha256:{'b' * 64}"),
    ],
    ids=["next-line", "another-base", "another-version"],
)
def test_after_months_of_a_robot_s_updates_a_release_still_changes_the_lines_about_images(
    tmp_path: Path, change: Callable[[Path], None] | None, answers: Answers, line: str
) -> None:
    """Renovate moves what the answers keep as well: what the template last rendered is then what the owner has."""
    template = plain_copy(tmp_path / "template")
    commit(template, "v1", tag="v1.0.0")
    first = {"language": "go"} | answers | ({"language_version": "3.14"} if answers else {})
    project = render(template, tmp_path / "orders-api", **ORDERS, **first, dependency_updates="renovate")
    commit(project, "Start from the template")
    assert ".copier-answers.yml" in robot(project, "a")
    commit(project, "Update the images")
    if change:
        change(template)
    release(template, "b", "v2.0.0")
    update(project, **answers)
    assert line in (project / "Dockerfile").read_text()
    assert f"sha256:{'b' * 64}" not in (project / "docker-compose.yml").read_text(), "what the robot brought is gone"


@pytest.mark.parametrize("answers", one_per("language"), ids=name_of)
def test_renovate_finds_what_the_answers_keep(rendered: Callable[[Answers], Path], answers: Answers) -> None:
    project = rendered(answers | {"dependency_updates": "renovate"})
    text = (project / ".copier-answers.yml").read_text()
    (manager,) = json.loads((project / "renovate.json").read_text())["customManagers"]
    (pattern,), (file,) = manager["matchStrings"], manager["managerFilePatterns"]
    found = ["".join(match[0]) for match in re.finditer(pattern.replace("(?<", "(?P<"), text)]
    assert found == list(yaml.safe_load(text)["kept_images"].values())
    for name in (".copier-answers.yml", ".copier-answers.orders.yml"):
        assert re.search(file.strip("/"), name)


@pytest.mark.parametrize("answers", one_per("language") + one_per("orchestrator"), ids=name_of)
def test_what_is_kept_is_what_is_used(rendered: Callable[[Answers], Path], answers: Answers) -> None:
    project = rendered(answers)
    kept = yaml.safe_load((project / ".copier-answers.yml").read_text())["kept_images"]
    used = {
        image
        for path in filter(Path.is_file, project.rglob("*"))
        if ROBOTS.search(str(path.relative_to(project)))
        for image in DIGEST.findall(path.read_text())
    }
    assert set(kept.values()) == used


@pytest.mark.parametrize("answers", [*PIPELINES[::4], IN_CLUSTER], ids=name_of)
def test_each_pin_has_one_writer(rendered: Callable[[Answers], Path], answers: Answers) -> None:
    """Either a robot's own manager finds it, or the template's release brings it and the robot leaves it alone."""
    project = rendered(answers)
    counts = {"robot": 0, "release": 0}
    for path in sorted(filter(Path.is_file, project.rglob("*"))):
        name = str(path.relative_to(project))
        if name == ".copier-answers.yml" or not PIN.search(path.read_text()):
            continue
        writers = [
            who
            for who, writes in {"robot": ROBOTS.search(name), "release": name in {*PIPELINE, *MANIFESTS}}.items()
            if writes
        ]
        assert len(writers) == 1, f"{name} is written by {writers}: {PIN.findall(path.read_text())}"
        counts[writers[0]] += 1
    assert counts["robot"] >= (1 if answers.get("database") == "none" else 2)
    assert counts["release"] >= 3


def rules(project: Path) -> list[dict[str, Any]]:
    config = json.loads((project / "renovate.json").read_text())
    return [rule for rule in config["packageRules"] if rule.get("enabled") is False]


@pytest.mark.parametrize("answers", one_per("language"), ids=name_of)
def test_renovate_leaves_alone_what_another_writes_or_a_person_decides(
    rendered: Callable[[Answers], Path], answers: Answers
) -> None:
    project = rendered(answers | {"dependency_updates": "renovate"})
    (files,) = [rule["matchFileNames"] for rule in rules(project) if "matchFileNames" in rule]
    assert files == PIPELINE
    held = {
        rule["matchPackageNames"][0]: rule["matchUpdateTypes"] for rule in rules(project) if "matchUpdateTypes" in rule
    }
    row = TEMPLATE.table("languages")[answers["language"]]
    base, databases = row["base"], {"postgres": {"postgres": ["major"]}, "none": {}}
    assert held == databases[row["databases"][0]] | {base["image"]: base["held"]}
    first = re.search(r"^FROM (\w+):", (project / "Dockerfile").read_text(), re.MULTILINE)
    assert first
    assert first[1] == base["image"]


@pytest.mark.parametrize("answers", one_per("language"), ids=name_of)
def test_dependabot_leaves_them_alone_too(rendered: Callable[[Answers], Path], answers: Answers) -> None:
    project = rendered(answers | {"dependency_updates": "dependabot"})
    updates = yaml.safe_load((project / ".github/dependabot.yml").read_text())["updates"]
    held = {
        one["dependency-name"]: [kind.removeprefix("version-update:semver-") for kind in one["update-types"]]
        for update in updates
        for one in update.get("ignore", [])
    }
    row = TEMPLATE.table("languages")[answers["language"]]
    base, databases = row["base"], {"postgres": {"postgres": ["major"]}, "none": {}}
    assert held == databases[row["databases"][0]] | {base["image"]: base["held"]}
    assert "github-actions" not in {update["package-ecosystem"] for update in updates}

"""Whatever comes from elsewhere is pinned, and says what the table of pins says."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.render import TEMPLATE

PINS = TEMPLATE.table("pins")
IMAGES = set(PINS["images"].values())
STAGES = re.compile(r"^FROM\s+\S+\s+AS\s+(\S+)", re.MULTILINE)
IMAGE = re.compile(r"^(?:FROM|COPY\s+--from=|\s*image:)\s*(?:--\S+\s+)*(\S+)", re.MULTILINE)
MOUNT = re.compile(r"--mount=\S*\bfrom=([^,\s]+)")
USES = re.compile(r"^\s*(?:-\s+)?uses:\s*(\S.*)$", re.MULTILINE)


def images(text: str) -> Iterator[str]:
    stages = set(STAGES.findall(text))
    for found in [*IMAGE.findall(text), *MOUNT.findall(text)]:
        if found not in stages:
            yield found


def versions() -> dict[str, str]:
    """Action to `sha # version`, from the text of the table: a YAML parser drops the comment."""
    text = (ROOT / "template/tables/pins.yml").read_text()
    return dict(re.findall(r"^      ([\w.-]+/[\w./-]+): ([0-9a-f]{40} # v\S+)$", text, re.MULTILINE))


def workflows(project: Path) -> list[Path]:
    return sorted(project.glob(".github/workflows/*.yml"))


def check_actions(path: Path) -> int:
    actions = [found.rstrip() for found in USES.findall(path.read_text())]
    for found in actions:
        if found.startswith("./"):
            continue
        name, _, pin = found.partition("@")
        owner_and_name = "/".join(name.split("/")[:2])
        assert pin == versions().get(owner_and_name), f"{path.name}: {found}"
    return len(actions)


def test_every_pin_is_whole() -> None:
    for name, image in PINS["images"].items():
        assert re.fullmatch(r"[a-z0-9./_-]+:[\w.-]+@sha256:[0-9a-f]{64}", image), name
    assert versions().keys() == PINS["actions"].keys()


def test_images_are_those_of_the_table(project: Path) -> None:
    found = 0
    for path in [project / "Dockerfile", *project.glob("*compose*.yml"), *project.glob("deploy/**/*.y*ml")]:
        for image in images(path.read_text()):
            if re.search(
                r"/orders-api(:dev|@\$\{\w+_DIGEST:-none\})?$", image
            ):  # built here; its digest comes with a deployment
                continue
            assert image in IMAGES, f"{path.name}: {image}"
            found += 1
    assert found >= 3


def test_each_language_version_has_its_image() -> None:
    for language, row in TEMPLATE.table("languages").items():
        for version in row["versions"]:
            named = [name.replace("VERSION", version) for name in row["images"] if "VERSION" in name]
            assert named, f"{language}: none of its images is of a version"
            assert set(named) <= PINS["images"].keys(), (language, version)


def test_actions_are_those_of_the_table(project: Path) -> None:
    counts = {path: check_actions(path) for path in workflows(project)}
    assert all(counts.values()), counts
    assert {path.stem for path in counts} == {"build", "ci", "deploy", "rollback", "scan", "weekly"}


def test_cosign_is_the_one_of_the_table(project: Path) -> None:
    version = PINS["tools"]["cosign"].rpartition("@")[2]
    texts = [path.read_text() for path in workflows(project)]
    assert {found for text in texts for found in re.findall(r"cosign-release: (\S+)", text)} == {version}


def test_what_builds_is_the_one_of_the_table(project: Path) -> None:
    """BuildKit, and the Go that makes the tools which push and judge."""
    texts = [path.read_text() for path in workflows(project)]
    found = {name for text in texts for name in re.findall(r"driver-opts: image=(\S+)", text)}
    assert found == {PINS["images"]["buildkit"]}
    assert {version for text in texts for version in re.findall(r"go-version: (\S+)", text)} == {PINS["go"]}


@pytest.mark.parametrize("path", sorted((ROOT / ".github/workflows").glob("*.yml")), ids=lambda path: path.name)
def test_our_own_workflows_follow_the_rules_they_render(path: Path) -> None:
    assert check_actions(path) >= 1

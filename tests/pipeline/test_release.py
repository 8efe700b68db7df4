"""A version names the image of its own commit, once."""

import threading
import time

import pytest

from tests.pipeline.run import COMMIT, OTHER_COMMIT, Pipeline

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("tools")]
NOW = {"RELEASE_WAIT": "0"}


@pytest.fixture(scope="module")
def place(pipeline: Pipeline) -> Pipeline:
    """A repository of images for these tests, where the first commit's image is signed."""
    place = Pipeline(pipeline.project, f"{pipeline.repository}-release", pipeline.environment, pipeline.folder)
    archive = place.small("released")
    place.sign(place.publish(f"sha-{COMMIT[:12]}", archive), archive.parent, **place.key())
    return place


def tags(place: Pipeline) -> list[str]:
    return place.succeed("crane", "ls", place.repository).split()


def test_a_version_names_the_image_of_its_commit_once(place: Pipeline) -> None:
    release = ("scripts/release.sh", place.repository, COMMIT)
    digest = place.succeed("crane", "digest", f"{place.repository}:sha-{COMMIT[:12]}")
    assert place.succeed(*release, "1.2.3", **place.public(), **NOW) == digest
    assert place.succeed(*release, "1.2.3", **place.public(), **NOW) == digest, "again is no move"
    assert place.succeed("crane", "digest", f"{place.repository}:1.2.3") == digest
    place.succeed("crane", "tag", f"{place.repository}@{other(place)}", "4.0.0")
    assert "a version is not moved" in place.refuse(*release, "4.0.0", **place.public(), **NOW)
    assert place.run(*release, "v1.2").returncode == 2
    assert place.run("scripts/release.sh", place.repository, "sha-one", "1.2.3").returncode == 2


def other(place: Pipeline) -> str:
    return place.publish("sha-else", place.small("else")).rpartition("@")[2]


def test_a_moved_tag_is_not_released(place: Pipeline) -> None:
    """Any old signed image under another commit's tag was released as 9.9.9."""
    digest = place.succeed("crane", "digest", f"{place.repository}:sha-{COMMIT[:12]}")
    place.succeed("crane", "tag", f"{place.repository}@{digest}", f"sha-{OTHER_COMMIT[:12]}")
    started = time.monotonic()
    message = place.refuse("scripts/release.sh", place.repository, OTHER_COMMIT, "9.9.9", **place.public())
    assert f"was built from commit {COMMIT}, not from {OTHER_COMMIT}" in message
    assert time.monotonic() - started < 30, "there is nothing to wait for"
    assert "9.9.9" not in tags(place)


def test_what_never_comes_is_not_waited_for_long(place: Pipeline) -> None:
    commit = "1" * 40
    release = ("scripts/release.sh", place.repository, commit, "1.2.4")
    soon = {"RELEASE_WAIT": "2", "RELEASE_POLL": "0.2"}
    assert "has no image after 2 s" in place.refuse(*release, **place.public(), **soon)
    place.publish(f"sha-{commit[:12]}", place.small("unsigned"))
    assert "has no signature after 0 s" in place.refuse(*release, **place.public(), **NOW)
    assert "1.2.4" not in tags(place)


def test_a_tag_that_came_with_its_commit_waits_for_its_image(place: Pipeline) -> None:
    """`git push --follow-tags` starts both runs at once.

    https://github.com/posit-dev/team-operator/pull/122, https://github.com/first-tree-ai/opentag/issues/26
    """
    commit, archive = "2" * 40, place.small("late")

    def build() -> None:
        time.sleep(1)
        image = place.publish(f"sha-{commit[:12]}", archive)
        time.sleep(1)
        place.sign(image, archive.parent, commit, **place.key())

    thread = threading.Thread(target=build)
    thread.start()
    settings = {"RELEASE_WAIT": "90", "RELEASE_POLL": "0.3"}
    result = place.run("scripts/release.sh", place.repository, commit, "2.0.0", **place.public(), **settings)
    thread.join()
    assert result.returncode == 0, result.stderr
    said = [line for line in result.stderr.splitlines() if line.startswith("release: waiting")]
    assert [line.partition(" of ")[0] for line in said] == [
        "release: waiting for the image",
        "release: waiting for the signature",
    ]
    assert result.stdout.strip() == place.succeed("crane", "digest", f"{place.repository}:2.0.0")

"""What was tested is what is pushed, under a tag that is never moved."""

import json
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.pipeline.run import Pipeline
from tests.support import engine
from tests.support.engine.container import running
from tests.support.render import COMBINATIONS

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("tools")]
DEFAULT: Answers = COMBINATIONS[0]
DOCKER = ("distribution.manifest.v2+json", "container.image.v1+json", "image.rootfs.diff.tar.gzip")
OCI = ("manifest.v1+json", "config.v1+json", "layer.v1.tar+gzip")


@pytest.fixture(scope="module")
def archive(pipeline: Pipeline, service: str) -> Path:
    """The rendered service's image, saved as the pipeline saves it."""
    folder = pipeline.folder / "service"
    digest = pipeline.succeed("scripts/archive.sh", service, "amd64", folder)
    assert digest == pipeline.succeed("crane", "digest", "--tarball", folder / "amd64.tar")
    return folder / "amd64.tar"


@pytest.fixture(scope="module")
def pushed(pipeline: Pipeline, archive: Path) -> str:
    return pipeline.publish("sha-service", archive)


def test_what_was_tested_is_what_is_pushed(pipeline: Pipeline, service: str, archive: Path, pushed: str) -> None:
    manifest = json.loads(pipeline.succeed("crane", "manifest", pushed))
    assert manifest["config"]["digest"] == engine.inspect("image", service)["Id"]
    digest = pushed.rpartition("@")[2]
    assert pipeline.succeed("crane", "digest", f"{pipeline.repository}:sha-service") == digest
    assert pipeline.succeed("crane", "digest", "--tarball", archive) == digest

    # What Lambda takes: one platform's manifest, no index that BuildKit made for an attestation, no layer of zstd.
    # https://docs.aws.amazon.com/lambda/latest/dg/images-create.html, https://github.com/docker/buildx/issues/1533
    kinds = [manifest["mediaType"], manifest["config"]["mediaType"], *{one["mediaType"] for one in manifest["layers"]}]
    assert kinds in (
        [f"application/vnd.docker.{kind}" for kind in DOCKER],
        [f"application/vnd.oci.image.{kind}" for kind in OCI],
    )


def test_what_was_pushed_is_pulled_by_digest_and_runs(pushed: str) -> None:
    engine.docker("pull", pushed)
    with running(pushed, memory=256) as container:
        container.wait_until_it_answers()
        assert container.get("/").json == {"service": "orders-api", "version": "tested"}


def test_a_tag_is_never_moved(pipeline: Pipeline) -> None:
    archive, other = pipeline.small("first"), pipeline.small("other")
    image = pipeline.publish("sha-first", archive)
    assert pipeline.publish("sha-first", archive) == image, "the same image again is no move"
    message = pipeline.refuse("scripts/publish.sh", pipeline.repository, "sha-first", other)
    assert "a tag is not moved" in message
    assert pipeline.succeed("crane", "digest", f"{pipeline.repository}:sha-first") == image.rpartition("@")[2]


def test_two_platforms_become_one_index(pipeline: Pipeline) -> None:
    archives = (pipeline.small("both", "amd64"), pipeline.small("both", "arm64"))
    image = pipeline.publish("sha-both", *archives)
    index = json.loads(pipeline.succeed("crane", "manifest", image))
    inside = {manifest["digest"] for manifest in index["manifests"]}
    assert inside == {pipeline.succeed("crane", "digest", "--tarball", archive) for archive in archives}
    assert pipeline.publish("sha-both", *archives) == image
    pipeline.refuse("scripts/publish.sh", pipeline.repository, "sha-both", archives[0])


def test_an_archive_of_another_image_is_not_attested(pipeline: Pipeline) -> None:
    """What a job hands to the next one is compared with what was pushed: digests, not names."""
    image = pipeline.publish("sha-handed", pipeline.small("handed"))
    folder = pipeline.small("exchanged").parent
    (folder / "provenance.json").write_text("{}")
    message = pipeline.refuse("scripts/sign.sh", image, folder, **pipeline.key())
    assert "which is not in" in message

"""Registries differ; what a script makes of an answer depends on the answer's code, not on its words.

Reports: https://github.com/distribution/distribution/issues/3792 (no digest on HEAD),
https://github.com/google/go-containerregistry/issues/1717 and .../pull/1691 (401 and 403 for what is missing),
https://github.com/NVIDIA/nodewright-packages/pull/132 (GHCR drops attestations).
"""

import json
from dataclasses import replace

import pytest

from tests.pipeline.registries import (
    Quirk,
    always,
    before,
    lagging_list,
    like_ecr,
    missing_is_unauthorized,
    no_digest_on_head,
    no_head,
    page,
)
from tests.pipeline.run import Pipeline

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("tools")]

DIFFERENT = {
    "no digest on HEAD": no_digest_on_head,
    "ECR": like_ecr,
    "GHCR": missing_is_unauthorized(403, "DENIED", "requested access to the resource is denied"),
    "Docker Hub": missing_is_unauthorized(401, "UNAUTHORIZED", "authentication required"),
}


def place(pipeline: Pipeline) -> str:
    """A repository of this run alone, without its registry."""
    return pipeline.repository.partition("/")[2]


@pytest.mark.parametrize("name", DIFFERENT)
def test_first_push_and_push_again(pipeline: Pipeline, registry: str, name: str) -> None:
    archive, other = pipeline.small("first"), pipeline.small("other")
    with before(registry, DIFFERENT[name]) as front:
        repository = f"{front.address}/{place(pipeline)}-{name.lower().replace(' ', '-')}"
        publish = ("scripts/publish.sh", repository, "sha-one")
        digest = pipeline.succeed("crane", "digest", "--tarball", archive)
        assert pipeline.succeed(*publish, archive) == digest
        assert pipeline.succeed(*publish, archive) == digest, "the same image again is no move"
        assert "a tag is not moved" in pipeline.refuse(*publish, other)


DIGEST_OF = 'source scripts/lib.sh; digest_of "$0"; echo "answer: $?"'
# An account's number, a digest or a message that has "404" or MANIFEST_UNKNOWN in it says nothing of what is there.
UNCLEAR = {
    "denied": (always(403, "DENIED", "arn:aws:iam::404404404404:user/ci may not ecr:BatchGetImage"), "404404404404"),
    "too many": (always(429, "TOOMANYREQUESTS", "rate exceeded, MANIFEST_UNKNOWN"), "TOOMANYREQUESTS"),
    "unwell": (always(500, "UNKNOWN", "GET /v2/: MANIFEST_UNKNOWN: 404"), "UNKNOWN"),
    "a page": (page(502, "<html>\nError: GET /: NOT_FOUND: 404\n</html>"), "502"),
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_unclear_answer_moves_no_tag(pipeline: Pipeline, registry: str, name: str) -> None:
    quirk, said = UNCLEAR[name]
    with before(registry, quirk) as front:
        repository = f"{front.address}/{place(pipeline)}-unclear"
        result = pipeline.run("scripts/publish.sh", repository, "sha-one", pipeline.small("first"))
        assert result.returncode == 1
        assert not result.stdout, result.stderr
        assert said in result.stderr
        assert not [path for method, path in front.requests if method == "PUT" and path.endswith("/sha-one")]


def test_no_registry_at_all(pipeline: Pipeline) -> None:
    result = pipeline.run("scripts/publish.sh", "127.0.0.1:1/test/none", "sha-one", pipeline.small("first"))
    assert result.returncode == 1
    assert "connection refused" in result.stderr


def test_a_registry_without_head_is_read(pipeline: Pipeline, registry: str) -> None:
    """Crane itself asks by HEAD before it pushes, and gives up: such a registry can be released from, not pushed to."""
    image = pipeline.publish("sha-no-head", pipeline.small("first"))
    with before(registry, no_head) as front:
        reference = f"{front.address}/{image.partition('/')[2].partition('@')[0]}"
        for tag, digest in (("sha-no-head", image.rpartition("@")[2]), ("never", "")):
            assert pipeline.succeed("bash", "-c", DIGEST_OF, f"{reference}:{tag}") == f"{digest}\nanswer: 0".strip()


@pytest.mark.parametrize("quirk", [page(404, "<html>Not Found</html>"), always(404, "NOT_FOUND", "artifact not found")])
def test_missing_in_other_words_is_missing(pipeline: Pipeline, registry: str, quirk: Quirk) -> None:
    with before(registry, quirk) as front:
        assert pipeline.succeed("bash", "-c", DIGEST_OF, f"{front.address}/test/none:one") == "answer: 0"


def test_a_registry_that_shows_late_what_was_attached_drops_nothing(pipeline: Pipeline, registry: str) -> None:
    archive = pipeline.small("late-list")
    with before(registry, lagging_list(1.5)) as front:
        late = replace(pipeline, repository=f"{front.address}/{place(pipeline)}-lagging")
        late.sign(late.publish("sha-one", archive), archive.parent, **late.key())
        image = f"{late.repository}@{late.succeed('crane', 'digest', f'{late.repository}:sha-one')}"
        assert len(late.succeed("cosign", "tree", image).splitlines()) > 4
        attached = json.loads(late.succeed("crane", "manifest", image.replace("@sha256:", ":sha256-")))["manifests"]
        assert len(attached) == 4, "the provenance, the SBOM, the scan and the signature, each written once"


def test_what_can_not_be_read_has_no_platforms_to_skip(pipeline: Pipeline, registry: str) -> None:
    """A loop over nothing demands nothing: an image whose index is not given must not pass without its SBOMs."""
    image = pipeline.publish("sha-unread", pipeline.small("first"))
    with before(registry, always(500, "UNKNOWN", "unwell")) as front:
        reference = f"{front.address}/{image.partition('/')[2].partition('@')[0]}:sha-unread"
        result = pipeline.run("bash", "-c", 'source scripts/lib.sh; inside=$(platforms_of "$0"); echo "all"', reference)
        assert result.returncode != 0
        assert not result.stdout

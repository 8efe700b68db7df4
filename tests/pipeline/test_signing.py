"""Keyless signing, with a whole Sigstore on this machine: what the rendered sign.sh signs, and whom verify.sh believes.

Nothing in the scripts knows of it: cosign's own settings say where it is, and fulcio knows GitHub's issuer by its name.
"""

import base64
import json
import re
from typing import Any

import pytest

from tests.pipeline.run import BUILDER, BUILDER_FILE, COMMIT, OTHER_COMMIT, SOURCE, Pipeline, claims, run_of, scan_of
from tests.support.run import figures
from tests.support.sigstore import Sigstore

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("tools")]


@pytest.fixture(scope="module")
def signed(pipeline: Pipeline, keyless: Sigstore) -> str:
    """An image of two platforms that went all the way, signed by the builder."""
    archives = (pipeline.small("signed", "amd64"), pipeline.small("signed", "arm64"))
    image = pipeline.publish(f"sha-{COMMIT[:12]}", *archives)
    with figures.timed("pipeline", "sign keyless, two platforms"):
        pipeline.sign(image, archives[0].parent, **keyless.environment(**claims()))
    return image


@pytest.fixture
def verify(pipeline: Pipeline, keyless: Sigstore) -> "Verify":
    return Verify(pipeline, keyless)


class Verify:
    """The rendered verify.sh, for one who has no identity of their own."""

    def __init__(self, pipeline: Pipeline, keyless: Sigstore) -> None:
        self.pipeline, self.keyless = pipeline, keyless

    def accepts(self, image: str, *commit: str, **settings: str) -> str:
        environment = self.keyless.environment() | settings
        return self.pipeline.succeed("scripts/verify.sh", image, *commit, **environment)

    def refuses(self, image: str, *commit: str, **settings: str) -> str:
        environment = self.keyless.environment() | settings
        return self.pipeline.refuse("scripts/verify.sh", image, *commit, **environment)

    def finds_unsigned(self, image: str) -> str:
        return self.pipeline.find_unsigned("scripts/verify.sh", image, **self.keyless.environment())


def attest(pipeline: Pipeline, image: str, kind: str, content: object, **identity: str) -> None:
    predicate = pipeline.folder / "predicate.json"
    predicate.write_text(json.dumps(content))
    pipeline.succeed("scripts/attest.sh", image, kind, predicate, **identity)


def provenance(pipeline: Pipeline, commit: str = COMMIT) -> Any:
    return json.loads(pipeline.succeed("scripts/provenance.sh", **run_of(commit)))


def statements(pipeline: Pipeline, keyless: Sigstore, image: str, kind: str) -> list[dict[str, Any]]:
    """What the builder has signed about the image; cosign looks whether it is about this one."""
    lines = pipeline.succeed(
        "cosign", "verify-attestation", f"--certificate-identity={BUILDER}", f"--type={kind}",
        "--certificate-oidc-issuer=https://token.actions.githubusercontent.com", image, **keyless.environment(),
    )  # fmt: skip
    return [json.loads(base64.b64decode(json.loads(line)["payload"])) for line in lines.splitlines()]


def test_the_commit_is_what_verify_prints(verify: Verify, signed: str) -> None:
    with figures.timed("pipeline", "verify keyless, two platforms"):
        assert verify.accepts(signed) == COMMIT
    assert verify.accepts(signed, COMMIT) == COMMIT


def test_another_commit_is_refused(verify: Verify, signed: str) -> None:
    assert f"was built from commit {COMMIT}, not from {OTHER_COMMIT}" in verify.refuses(signed, OTHER_COMMIT)


OTHERS: dict[str, dict[str, str]] = {
    "workflow": claims(workflow="other.yml"),
    "branch": claims(ref="refs/heads/dev"),
    "tag": claims(ref="refs/tags/v1.0.0"),
    "repository": claims(repository="Evil-Org/orders-api"),
    "letter case": claims(repository=SOURCE.lower()),
    "caller's repository": claims(
        repository="Evil-Org/orders-api",
        job_workflow_ref=f"{SOURCE}/.github/workflows/{BUILDER_FILE}@refs/heads/main",
    ),
    "event": claims(event="pull_request_target"),
    "issuer": claims(iss="https://token.actions.githubusercontent.com/evil"),
}  # fmt: skip


@pytest.mark.parametrize("other", OTHERS)
def test_provenance_by_another_identity_is_refused(
    pipeline: Pipeline, keyless: Sigstore, verify: Verify, other: str
) -> None:
    name = re.sub(r"\W", "-", other)
    image = pipeline.publish(f"sha-{name}", pipeline.small(name))
    attest(pipeline, image, "provenance", provenance(pipeline), **keyless.environment(**OTHERS[other]))
    assert "has no provenance attestation by" in verify.finds_unsigned(image)


def test_a_commit_that_the_certificate_does_not_name_is_refused(
    pipeline: Pipeline, keyless: Sigstore, verify: Verify
) -> None:
    """What the builder's steps write into the provenance is not believed where GitHub says otherwise."""
    image = pipeline.publish("sha-lies", pipeline.small("lies"))
    attest(pipeline, image, "provenance", provenance(pipeline, OTHER_COMMIT), **keyless.environment(**claims()))
    assert "has no provenance attestation by" in verify.finds_unsigned(image)


def test_provenance_of_another_build_is_refused(pipeline: Pipeline, keyless: Sigstore, verify: Verify) -> None:
    image = pipeline.publish("sha-elsewhere", pipeline.small("elsewhere"))
    content = provenance(pipeline)
    content["buildDefinition"]["externalParameters"]["workflow"]["ref"] = "refs/heads/dev"
    attest(pipeline, image, "provenance", content, **keyless.environment(**claims()))
    assert "does not name one commit of main" in verify.refuses(image)


def test_each_part_is_demanded(pipeline: Pipeline, keyless: Sigstore, verify: Verify) -> None:
    """Without its provenance, signature, SBOM or scan an image is refused, and that is said."""
    archive = pipeline.small("parts")
    image, builder = pipeline.publish("sha-parts", archive), keyless.environment(**claims())
    assert "has no provenance attestation by" in verify.finds_unsigned(image)
    attest(pipeline, image, "provenance", provenance(pipeline), **builder)
    assert "has no signature by" in verify.finds_unsigned(image), "cosign verify takes an attestation for it"
    stranger = keyless.environment(**claims(commit=OTHER_COMMIT))
    pipeline.succeed("cosign", "sign", "--yes", image, **stranger)
    assert "has no signature by" in verify.finds_unsigned(image), "the signature is another commit's"
    pipeline.succeed("cosign", "sign", "--yes", image, **builder)
    assert "has no SBOM attestation by" in verify.finds_unsigned(image)
    attest(pipeline, image, "sbom", {"spdxVersion": "SPDX-2.3"}, **builder)
    assert "has no scan attestation by" in verify.finds_unsigned(image)
    assert verify.accepts(image, SCAN_MAX_DAYS="any") == COMMIT, "a rollback does not wait for a scan"
    attest(pipeline, image, "scan", scan_of(), **keyless.environment(**claims(workflow="deploy.yml")))
    assert "has no scan attestation by" in verify.finds_unsigned(image)
    attest(pipeline, image, "scan", scan_of(days=15), **builder)
    assert "more than 14 days ago" in verify.refuses(image)
    assert verify.accepts(image, SCAN_MAX_DAYS="16") == COMMIT
    later = keyless.environment(**claims(commit=OTHER_COMMIT, workflow="scan.yml", event="schedule"))
    attest(pipeline, image, "scan", scan_of(days=1), **later)
    assert verify.accepts(image) == COMMIT, "the weekly scan renews it, whatever commit main is at"
    attest(pipeline, image, "scan", scan_of(findings=1), **later)
    assert "found something HIGH or CRITICAL" in verify.refuses(image)


def test_an_unsigned_index_over_signed_images_is_refused(pipeline: Pipeline, verify: Verify, signed: str) -> None:
    inside = [entry["digest"] for entry in json.loads(pipeline.succeed("crane", "manifest", signed))["manifests"]]
    other = pipeline.succeed("crane", "digest", "--tarball", pipeline.small("other"))
    pipeline.publish("sha-other", pipeline.small("other"))
    appended = pipeline.succeed(
        "crane", "index", "append", *(f"--manifest={pipeline.repository}@{digest}" for digest in (*inside, other)),
        f"--tag={pipeline.repository}:sha-appended",
    )  # fmt: skip
    assert "has no provenance attestation by" in verify.finds_unsigned(appended.splitlines()[-1])


def test_a_changed_image_is_refused(pipeline: Pipeline, verify: Verify, signed: str) -> None:
    inside = json.loads(pipeline.succeed("crane", "manifest", signed))["manifests"][0]["digest"]
    changed = pipeline.succeed(
        "crane",
        "mutate",
        "--label=changed=yes",
        f"--tag={pipeline.repository}:changed",
        f"{pipeline.repository}@{inside}",
    )
    assert "has no provenance attestation by" in verify.finds_unsigned(changed)


def test_only_digests_are_verified(pipeline: Pipeline) -> None:
    assert pipeline.run("scripts/verify.sh", f"{pipeline.repository}:1.2.3").returncode == 2
    assert pipeline.run("scripts/verify.sh", f"{pipeline.repository}@sha256:1", SCAN_MAX_DAYS="soon").returncode == 2


def test_attestations_are_statements_of_version_1(pipeline: Pipeline, keyless: Sigstore, signed: str) -> None:
    """What in-toto's and SLSA's validators take: https://github.com/in-toto/attestation/issues/461."""
    inside = json.loads(pipeline.succeed("crane", "manifest", signed))["manifests"][0]["digest"]
    for kind, image in [("slsaprovenance1", signed), ("spdxjson", inside), ("vuln", inside)]:
        reference = f"{pipeline.repository}@{image.rpartition('@')[2]}"
        for statement in statements(pipeline, keyless, reference, kind):
            assert set(statement) == {"_type", "subject", "predicateType", "predicate"}
            assert statement["_type"] == "https://in-toto.io/Statement/v1"
            digest = reference.rpartition(":")[2]
            assert statement["subject"] == [{"name": pipeline.repository, "digest": {"sha256": digest}}]


def test_the_provenance_names_the_builder_the_commit_and_the_run(
    pipeline: Pipeline, keyless: Sigstore, signed: str
) -> None:
    """The fields that slsa-verifier knows, and no other: it refuses what it does not know.

    https://github.com/slsa-framework/slsa-verifier/blob/v2.7.1/verifiers/internal/gha/slsaprovenance/v1.0/provenance.go
    """
    [statement] = statements(pipeline, keyless, signed, "slsaprovenance1")
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    repository = f"https://github.com/{SOURCE}"
    assert statement["predicate"] == {
        "buildDefinition": {
            "buildType": "https://actions.github.io/buildtypes/workflow/v1",
            "externalParameters": {
                "workflow": {"ref": "refs/heads/main", "repository": repository, "path": ".github/workflows/ci.yml"}
            },
            "internalParameters": {
                "github": {
                    "event_name": "push",
                    "repository_id": "1",
                    "repository_owner_id": "2",
                    "runner_environment": "github-hosted",
                }
            },
            "resolvedDependencies": [{"uri": f"git+{repository}@refs/heads/main", "digest": {"gitCommit": COMMIT}}],
        },
        "runDetails": {
            "builder": {"id": BUILDER},
            "metadata": {"invocationId": f"{repository}/actions/runs/4711/attempts/1"},
        },
    }
    assert "GITHUB_RUN_ID" in pipeline.run("scripts/provenance.sh", GITHUB_RUN_ID="").stderr


def test_githubs_own_tool_verifies_the_provenance(pipeline: Pipeline, keyless: Sigstore, signed: str) -> None:
    """Out of the registry: no store of GitHub's is needed, which private repositories have only with some plans."""
    root = pipeline.folder / "trusted_root.jsonl"
    root.write_text(json.dumps(json.loads((keyless.folder / "trusted_root.json").read_text())) + "\n")
    command = (
        "gh", "attestation", "verify", f"oci://{signed}", "--bundle-from-oci", f"--repo={SOURCE}",
        f"--signer-workflow={SOURCE}/.github/workflows/{BUILDER_FILE}", "--source-ref=refs/heads/main",
    )  # fmt: skip
    trust, nobody = f"--custom-trusted-root={root}", {"GH_TOKEN": "none"}
    pipeline.succeed(*command, f"--source-digest={COMMIT}", trust, **nobody)
    message = pipeline.refuse(*command, f"--source-digest={OTHER_COMMIT}", trust, **nobody)
    assert "expected SourceRepositoryDigest" in message


def test_the_summary_says_how_to_verify(pipeline: Pipeline, keyless: Sigstore, signed: str) -> None:
    """The commands that it shows are run as they stand there."""
    text = pipeline.succeed("scripts/summary.sh", signed, COMMIT)
    assert f"`{signed}`" in text
    assert " MB |" in text
    commands = text.split("```sh\n")[1].split("```")[0]
    assert commands.count("\ncosign ") == 4
    pipeline.succeed("bash", "-euc", commands, **keyless.environment())


def test_a_key_of_ones_own_signs_as_well(pipeline: Pipeline) -> None:
    archive = pipeline.small("key")
    image = pipeline.publish("sha-key", archive)
    pipeline.sign(image, archive.parent, **pipeline.key())
    assert pipeline.succeed("scripts/verify.sh", image, **pipeline.public()) == COMMIT
    stranger = pipeline.public("stranger")
    assert "has no provenance attestation by" in pipeline.find_unsigned("scripts/verify.sh", image, **stranger)
    message = pipeline.refuse("scripts/verify.sh", image, OTHER_COMMIT, **pipeline.public())
    assert f"was built from commit {COMMIT}" in message

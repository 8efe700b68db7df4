"""The pipeline's scripts, run for real against a registry on this machine, from the built image to a release."""

import base64
import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from shipshape.template import Answers

from tests.support import engine, figures
from tests.support.engine.container import free_port, running
from tests.support.render import COMBINATIONS, ORDERS, TEMPLATE, edit_source
from tests.support.tools import go_tool

pytestmark = pytest.mark.engine

REGISTRY = "127.0.0.1:5000"  # the stand-ins' own


# What GitHub Actions tells a step of its run.
# https://docs.github.com/en/actions/reference/workflows-and-actions/variables
RUN = {
    "GITHUB_EVENT_NAME": "push",
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_REPOSITORY": ORDERS["repository"],
    "GITHUB_REPOSITORY_ID": "1",
    "GITHUB_REPOSITORY_OWNER_ID": "2",
    "GITHUB_RUN_ATTEMPT": "1",
    "GITHUB_RUN_ID": "4711",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_SHA": "0123456789abcdef0123456789abcdef01234567",
    "GITHUB_WORKFLOW_REF": f"{ORDERS['repository']}/.github/workflows/ci.yml@refs/heads/main",
    "RUNNER_ENVIRONMENT": "github-hosted",
}


@dataclass
class Pipeline:
    """A rendered repository, its image, and the tools that its workflow would install."""

    project: Path
    repository: str
    environment: dict[str, str]
    folder: Path
    archives: list[Path] = field(default_factory=list)

    def run(self, *command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(part) for part in command], cwd=self.project, env=self.environment | environment,
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def succeed(self, *command: str | Path, **environment: str) -> str:
        result = self.run(*command, **environment)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout.strip()

    def refuse(self, *command: str | Path, **environment: str) -> str:
        result = self.run(*command, **environment)
        assert result.returncode == 1, result.stdout + result.stderr
        return result.stderr.strip().splitlines()[-1]

    def built(self, name: str, version: str) -> Path:
        """An image of this version, saved as the pipeline saves it; answers the archive."""
        engine.build(self.project, f"--tag={name}", f"--build-arg=VERSION={version}")
        folder = self.folder / version
        self.succeed("scripts/archive.sh", name, "amd64", folder)
        return folder / "amd64.tar"


@pytest.fixture(scope="module")
def pipeline(registry: str, rendered: Callable[[Answers], Path], tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    tools = [go_tool(name) for name in ("crane", "cosign", "syft")]
    folder = tmp_path_factory.mktemp("pipeline")
    environment = engine.environment() | {
        "PATH": os.pathsep.join([*{str(Path(tool).parent) for tool in tools}, os.environ["PATH"]]),
        "COSIGN_PASSWORD": "",
        "SYFT_CHECK_FOR_APP_UPDATE": "false",
    }
    project = Path(shutil.copytree(rendered(COMBINATIONS[0]), folder / "project"))
    started = Pipeline(project, f"{registry}/test/{folder.name}-{os.getpid()}", environment, folder)
    for key in ("owner", "stranger"):
        started.succeed("cosign", "generate-key-pair", f"--output-key-prefix={folder / key}")
    return started


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    """A registry on this machine: the one that is there, else crane's own."""
    if answers(REGISTRY):
        yield REGISTRY
        return
    address = f"127.0.0.1:{free_port()}"
    with subprocess.Popen(
        [go_tool("crane"), "registry", "serve", "--address", address], stderr=subprocess.DEVNULL
    ) as own:
        deadline = time.monotonic() + 10
        while not answers(address):
            assert time.monotonic() < deadline, "crane's registry does not answer"
            time.sleep(0.05)
        yield address
        own.terminate()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/v2/", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="module")
def pushed(pipeline: Pipeline) -> str:
    """The digest of a first image that went all the way."""
    archive = pipeline.built("shipshape-test/pipeline:one", "one")
    port = str(TEMPLATE.table("languages")["python"]["port"])
    with figures.timed("pipeline", "smoke"):
        assert "stops as it should" in pipeline.succeed("scripts/smoke.sh", "shipshape-test/pipeline:one", port, "256")
    digest = pipeline.succeed("scripts/publish.sh", pipeline.repository, "sha-one", archive)
    with figures.timed("pipeline", "sign"):
        sign(pipeline, digest, archive.parent)
    return digest


def owner(pipeline: Pipeline, name: str = "owner") -> dict[str, str]:
    return {"COSIGN_KEY": str(pipeline.folder / f"{name}.key")}


def public(pipeline: Pipeline, name: str = "owner") -> dict[str, str]:
    return {"COSIGN_KEY": str(pipeline.folder / f"{name}.pub")}


def sign(pipeline: Pipeline, digest: str, folder: Path) -> None:
    """Sign as the workflow does, in a run that this environment makes up."""
    (folder / "provenance.json").write_text(pipeline.succeed("scripts/provenance.sh", **RUN))
    pipeline.succeed("scripts/sign.sh", f"{pipeline.repository}@{digest}", folder, **owner(pipeline))


def test_what_was_tested_is_what_is_pushed(pipeline: Pipeline, pushed: str) -> None:
    tested = engine.inspect("image", "shipshape-test/pipeline:one")["Id"]
    manifest = json.loads(pipeline.succeed("crane", "manifest", f"{pipeline.repository}@{pushed}"))
    assert manifest["config"]["digest"] == tested
    assert pipeline.succeed("crane", "digest", f"{pipeline.repository}:sha-one") == pushed
    archive = pipeline.folder / "one/amd64.tar"
    assert pipeline.succeed("crane", "digest", "--tarball", archive) == pushed


def test_what_was_pushed_is_pulled_by_digest_and_runs(pipeline: Pipeline, pushed: str) -> None:
    reference = f"{pipeline.repository}@{pushed}"
    engine.docker("pull", reference)
    with running(reference, memory=256) as container:
        container.wait_until_it_answers()
        assert container.get("/").json == {"service": "orders-api", "version": "one"}


def test_a_tag_is_never_moved(pipeline: Pipeline, pushed: str) -> None:
    assert (
        pipeline.succeed("scripts/publish.sh", pipeline.repository, "sha-one", pipeline.folder / "one/amd64.tar")
        == pushed
    ), "the same image again is no move"
    other = pipeline.built("shipshape-test/pipeline:two", "two")
    message = pipeline.refuse("scripts/publish.sh", pipeline.repository, "sha-one", other)
    assert "a tag is not moved" in message
    assert pipeline.succeed("crane", "digest", f"{pipeline.repository}:sha-one") == pushed


def test_a_version_names_the_image_of_its_commit_once(pipeline: Pipeline, pushed: str) -> None:
    release = ("scripts/release.sh", pipeline.repository)
    assert pipeline.succeed(*release, "sha-one", "1.2.3", **public(pipeline)) == pushed
    assert pipeline.succeed(*release, "sha-one", "1.2.3", **public(pipeline)) == pushed
    other = pipeline.built("shipshape-test/pipeline:three", "three")
    pipeline.succeed("scripts/publish.sh", pipeline.repository, "sha-three", other)
    assert "a version is not moved" in pipeline.refuse(*release, "sha-three", "1.2.3", **public(pipeline))
    assert pipeline.succeed("crane", "digest", f"{pipeline.repository}:1.2.3") == pushed
    assert "there is no" in pipeline.refuse(*release, "sha-none", "1.2.4", **public(pipeline))
    assert "has no signature" in pipeline.refuse(*release, "sha-three", "1.2.4", **public(pipeline))
    assert "1.2.4" not in pipeline.succeed("crane", "ls", pipeline.repository).split()
    assert pipeline.run(*release, "sha-one", "v1.2").returncode == 2


def test_the_signature_is_of_the_owner_and_of_this_image(pipeline: Pipeline, pushed: str) -> None:
    verify = ("scripts/verify.sh", f"{pipeline.repository}@{pushed}")
    assert "is what the pipeline built" in pipeline.succeed(*verify, **public(pipeline))
    assert "has no signature by" in pipeline.refuse(*verify, **public(pipeline, "stranger"))
    changed = pipeline.succeed(
        "crane",
        "mutate",
        "--label=changed=yes",
        f"--tag={pipeline.repository}:changed",
        f"{pipeline.repository}@{pushed}",
    )
    pipeline.refuse("scripts/verify.sh", f"{pipeline.repository}@{changed.rpartition('@')[2]}", **public(pipeline))
    assert pipeline.run("scripts/verify.sh", f"{pipeline.repository}:1.2.3").returncode == 2, (
        "only digests are verified"
    )


def test_a_signature_alone_is_not_enough(pipeline: Pipeline, pushed: str) -> None:
    """An image without its list of contents, or without a statement of how it was built, is refused."""
    archive = pipeline.built("shipshape-test/pipeline:four", "four")
    digest = pipeline.succeed("scripts/publish.sh", pipeline.repository, "sha-four", archive)
    reference = f"{pipeline.repository}@{digest}"
    key = ("--yes", "--key", pipeline.folder / "owner.key", "--tlog-upload=false", "--use-signing-config=false")
    pipeline.succeed("cosign", "sign", *key, reference)
    assert "has no provenance" in pipeline.refuse("scripts/verify.sh", reference, **public(pipeline))
    provenance = archive.parent / "provenance.json"
    provenance.write_text(pipeline.succeed("scripts/provenance.sh", **RUN))
    pipeline.succeed("cosign", "attest", *key, "--type=slsaprovenance1", "--predicate", provenance, reference)
    assert "has no list of contents" in pipeline.refuse("scripts/verify.sh", reference, **public(pipeline))
    sign(pipeline, digest, archive.parent)
    pipeline.succeed("scripts/verify.sh", reference, **public(pipeline))


def statement(pipeline: Pipeline, digest: str, kind: str) -> dict[str, Any]:
    """What the owner's key has signed about the image."""
    lines = pipeline.succeed(
        "cosign", "verify-attestation", "--key", pipeline.folder / "owner.pub", "--insecure-ignore-tlog",
        f"--type={kind}", f"{pipeline.repository}@{digest}",
    )  # fmt: skip
    signed: dict[str, Any] = json.loads(base64.b64decode(json.loads(lines.splitlines()[0])["payload"]))
    assert signed["subject"][0]["digest"]["sha256"] == digest.removeprefix("sha256:")
    return signed


def test_the_provenance_names_the_workflow_the_commit_and_the_run(pipeline: Pipeline, pushed: str) -> None:
    signed = statement(pipeline, pushed, "slsaprovenance1")
    assert signed["predicateType"] == "https://slsa.dev/provenance/v1"
    definition, details = signed["predicate"]["buildDefinition"], signed["predicate"]["runDetails"]
    repository = f"https://github.com/{ORDERS['repository']}"
    assert definition["externalParameters"]["workflow"] == {
        "ref": "refs/heads/main",
        "repository": repository,
        "path": ".github/workflows/ci.yml",
    }
    assert definition["resolvedDependencies"] == [
        {"uri": f"git+{repository}@refs/heads/main", "digest": {"gitCommit": RUN["GITHUB_SHA"]}}
    ]
    assert details["builder"]["id"] == f"{repository}/.github/workflows/ci.yml@refs/heads/main"
    assert details["metadata"]["invocationId"] == f"{repository}/actions/runs/4711/attempts/1"
    assert "GITHUB_RUN_ID" in pipeline.run("scripts/provenance.sh", GITHUB_RUN_ID="").stderr


def test_the_list_of_contents_names_what_is_inside(pipeline: Pipeline, pushed: str) -> None:
    signed = statement(pipeline, pushed, "spdxjson")
    packages = {(p["name"], p.get("versionInfo")) for p in signed["predicate"]["packages"]}
    lock = (pipeline.project / "pyproject.toml").read_text()
    for name, version in [("fastapi", "0.165.0"), ("asyncpg", "0.32.0"), ("uvicorn", "0.54.0")]:
        assert f"{name}=={version}" in lock
        assert (name, version) in packages
    assert not {name for name, _ in packages} & {"pytest", "ruff", "mypy"}, "tools of the tests are in the image"


def test_two_processors_become_one_image(pipeline: Pipeline) -> None:
    first = pipeline.built("shipshape-test/pipeline:five", "five")
    second = pipeline.built("shipshape-test/pipeline:six", "six")  # stands for the other processor's
    digest = pipeline.succeed("scripts/publish.sh", pipeline.repository, "sha-both", first, second)
    index = json.loads(pipeline.succeed("crane", "manifest", f"{pipeline.repository}@{digest}"))
    inside = {manifest["digest"] for manifest in index["manifests"]}
    assert inside == {pipeline.succeed("crane", "digest", "--tarball", archive) for archive in (first, second)}
    again = pipeline.succeed("scripts/publish.sh", pipeline.repository, "sha-both", first, second)
    assert again == digest
    pipeline.refuse("scripts/publish.sh", pipeline.repository, "sha-both", first)
    both = pipeline.folder / "both"
    both.mkdir()
    for archive in (first, second):
        for sbom in archive.parent.glob("*.spdx.json"):
            shutil.copy(sbom, both)
    sign(pipeline, digest, both)
    pipeline.succeed("scripts/verify.sh", f"{pipeline.repository}@{digest}", **public(pipeline))


def test_the_smoke_test_tells_what_is_wrong(pipeline: Pipeline, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(pipeline.project, tmp_path / "broken"))
    edit_source(broken, '"/readyz"', '"/ready"')
    engine.build(broken, "--tag=shipshape-test/pipeline:broken")
    result = pipeline.run("scripts/smoke.sh", "shipshape-test/pipeline:broken", "8000", "256")
    assert result.returncode == 1
    assert "smoke: not ready; its log:" in result.stderr


def test_the_summary_says_how_to_verify(pipeline: Pipeline, pushed: str) -> None:
    text = pipeline.succeed("scripts/summary.sh", f"{pipeline.repository}@{pushed}")
    assert f"`{pipeline.repository}@{pushed}`" in text
    assert " MB |" in text
    assert f"https://github.com/{ORDERS['repository']}/.github/workflows/ci.yml@refs/heads/main" in text
    assert f"--type slsaprovenance1 {pipeline.repository}@{pushed}" in text


@pytest.mark.parametrize("script", ["archive", "publish", "release", "scan", "sign", "smoke", "summary", "verify"])
def test_a_script_without_arguments_says_what_it_needs(pipeline: Pipeline, script: str) -> None:
    result = pipeline.run(f"scripts/{script}.sh")
    assert result.returncode == 2
    assert result.stderr.startswith("Usage: scripts/")
    assert len(result.stderr.splitlines()) == 1


def test_a_registry_that_gives_no_clear_answer_is_not_pushed_to(pipeline: Pipeline, pushed: str) -> None:
    archive = pipeline.folder / "one/amd64.tar"
    result = pipeline.run("scripts/publish.sh", "127.0.0.1:1/test/none", "sha-one", archive)
    assert result.returncode == 1
    assert "connection refused" in result.stderr

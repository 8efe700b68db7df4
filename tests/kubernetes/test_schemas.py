"""Each object is one that the supported versions of Kubernetes, and of what extends it, know."""

import json
import subprocess
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.cluster.manifests import Manifest, Rendered
from tests.support.cluster.schemas import VERSIONS, write_definitions, write_kubernetes
from tests.support.render.answers import KUBERNETES
from tests.support.tools import go_tool

PLACES = ("kubernetes-{version}/{kind}{suffix}.json", "definitions/{group}/{kind}_{resource}.json")
FIELDS = {
    "kind": "{{.ResourceKind}}",
    "suffix": "{{.KindSuffix}}",
    "group": "{{.Group}}",
    "resource": "{{.ResourceAPIVersion}}",
}


@pytest.fixture(scope="session")
def schemas(once: Callable[..., Path]) -> Path:
    def fill(folder: Path) -> None:
        for version in VERSIONS:
            (folder / f"kubernetes-{version}").mkdir()
            write_kubernetes(version, folder / f"kubernetes-{version}")
        write_definitions(folder / "definitions")

    return once("schemas", fill)


@pytest.fixture(scope="session")
def everything(put_together: Callable[[int], Rendered]) -> list[Rendered]:
    return [put_together(index) for index in range(len(KUBERNETES))]


def kubeconform(schemas: Path, version: str, *paths: Path) -> dict[str, Any]:
    locations = [f"--schema-location={schemas}/{place.format(version=version, **FIELDS)}" for place in PLACES]
    command = [go_tool("kubeconform"), "-strict", "-summary", "-output=json", f"-kubernetes-version={version}"]
    done = subprocess.run([*command, *locations, *paths], capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize("version", VERSIONS)
def test_all_that_is_applied_is_known(everything: list[Rendered], schemas: Path, version: str) -> None:
    """In one go for all answers: what takes its time is the reading of the schemas."""
    answer = kubeconform(schemas, version, *(rendered.folder for rendered in everything))
    assert not answer["resources"], json.dumps(answer["resources"], indent=2)
    count = sum(len(manifests) for rendered in everything for manifests in rendered.sets.values())
    assert answer["summary"] == {"valid": count, "invalid": 0, "errors": 0, "skipped": 0}


def refusal(schemas: Path, folder: Path, manifest: Manifest) -> str:
    (folder / "changed.yml").write_text(yaml.safe_dump(manifest))
    (refused,) = kubeconform(schemas, VERSIONS[-1], folder / "changed.yml")["resources"]
    return str(refused["msg"])


def first(everything: list[Rendered], kind: str) -> Manifest:
    """A copy of the first object of a kind."""
    manifests = (m for rendered in everything for manifests in rendered.sets.values() for m in manifests)
    return deepcopy(next(m for m in manifests if m["kind"] == kind))


def test_a_kind_of_another_version_is_refused(everything: list[Rendered], schemas: Path, tmp_path: Path) -> None:
    assert "could not find schema" in refusal(
        schemas, tmp_path, first(everything, "Deployment") | {"apiVersion": "apps/v2"}
    )


def test_a_value_of_another_type_is_refused(everything: list[Rendered], schemas: Path, tmp_path: Path) -> None:
    deployment = first(everything, "Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["ports"][0]["containerPort"] = "http"
    assert "containerPort': got string, want" in refusal(schemas, tmp_path, deployment)


KINDS = ["Deployment", "HTTPRoute", "ExternalSecret", "ServiceMonitor", "PodMonitor", "PrometheusRule"]
KINDS += ["Cluster", "ScheduledBackup", "ObjectStore"]


@pytest.mark.parametrize("kind", [*KINDS, "ImageValidatingPolicy", "ClusterImagePolicy", "PeerAuthentication"])
def test_a_field_that_is_not_there_is_refused(
    everything: list[Rendered], schemas: Path, tmp_path: Path, kind: str
) -> None:
    manifest = first(everything, kind)
    manifest["spec"]["typo"] = []
    assert "additional properties 'typo' not allowed" in refusal(schemas, tmp_path, manifest)

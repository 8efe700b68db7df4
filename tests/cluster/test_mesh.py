"""What a real API server says to a service in a mesh: to its objects, and to pods as Linkerd's injector makes them."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster import kubectl, wait_until
from tests.support.cluster.manifests import DIGEST, Manifest, kustomize, of_kind, one, parsed
from tests.support.cluster.schemas import LINKERD, module
from tests.support.render import ORDERS, render

pytestmark = pytest.mark.engine

ISTIO = "istio.io/api@v1.32.0", "kubernetes/customresourcedefinitions.gen.yaml"
MESHES = {"istio-ambient": "security.istio.io", "linkerd": "policy.linkerd.io"}
OURS = f"ghcr.io/{ORDERS['image_namespace']}"
PROXY = "cr.l5d.io/linkerd/proxy:edge-26.8.3"
RIGHTS = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
USER = {"runAsNonRoot": True, "runAsUser": 2102, "seccompProfile": {"type": "RuntimeDefault"}}
FEW = {"requests": {"cpu": "50m", "memory": "32Mi"}, "limits": {"cpu": "1", "memory": "128Mi"}}


@dataclass(frozen=True)
class Meshed:
    mesh: str
    name: str
    overlay: list[Manifest]

    @property
    def namespace(self) -> str:
        return f"{self.name}-staging"

    def tried(self, manifest: Manifest) -> str:
        """What the API server says to it, without keeping it."""
        command = ("--namespace", self.namespace, "create", "--dry-run=server", "--validate=strict", "--filename=-")
        return kubectl(*command, stdin=json.dumps(manifest), check=False)


@pytest.fixture(scope="module", params=MESHES)
def meshed(
    request: pytest.FixtureRequest, cluster: Path, plain_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Meshed]:
    """A cluster that knows the mesh's kinds, and a service's namespace and policies in it."""
    name = f"meshed-{secrets.token_hex(2)}"
    project = render(
        plain_template, tmp_path_factory.mktemp(name) / name, **ORDERS | {"service_name": name}, language="go",
        orchestrator="kubernetes", kubernetes_mesh=request.param, kubernetes_prometheus="observability/prometheus",
    )  # fmt: skip
    definitions = [module(ISTIO[0]) / ISTIO[1]] if request.param == "istio-ambient" else sorted(LINKERD.glob("*.yaml"))
    made = [f"--filename={path}" for path in definitions]
    folders = [f"--kustomize={project / 'deploy' / path}" for path in ("policy", "kubernetes/setup/staging")]
    try:
        kubectl("apply", "--server-side", *made)
        kubectl("wait", "--for=condition=Established", "--timeout=60s", *made)
        for folder in folders:
            kubectl("apply", folder)
        overlay = parsed(kustomize(project / "deploy/kubernetes/overlays/staging"))
        for account in of_kind(overlay, "ServiceAccount"):
            kubectl("apply", "--filename=-", stdin=json.dumps(account))
        # a policy holds some seconds after it is made
        meshed = Meshed(request.param, name, overlay)
        wait_until("the policy", lambda: "by digest" in meshed.tried(pod(meshed, container("first", f"{OURS}/a:1"))))
        yield meshed
    finally:
        for folder in folders:
            kubectl("delete", folder, "--ignore-not-found", "--wait=false")
        kubectl("delete", "--ignore-not-found", "--wait=false", *made)


def test_its_objects_are_taken(meshed: Meshed) -> None:
    ours = [found for found in meshed.overlay if found["apiVersion"].startswith(f"{MESHES[meshed.mesh]}/")]
    assert {found["kind"] for found in ours} >= {"AuthorizationPolicy"}
    for manifest in ours:
        assert "created (server dry run)" in meshed.tried(manifest), manifest["kind"]


@pytest.mark.parametrize("meshed", ["istio-ambient"], indirect=True)
def test_both_kinds_of_identity_in_one_source_are_refused(meshed: Meshed) -> None:
    """By a rule of Istio's definition, which a schema does not show."""
    (policy,) = of_kind(meshed.overlay, "AuthorizationPolicy")
    policy = json.loads(json.dumps(policy))
    policy["spec"]["rules"][0]["from"][0]["source"] = {"serviceAccounts": ["a/b"], "namespaces": ["a"]}
    assert "Cannot set serviceAccounts with namespaces or principals" in meshed.tried(policy)


def pod(meshed: Meshed, *first: dict[str, Any]) -> Manifest:
    """A pod of the service, with containers that start before its own."""
    spec = json.loads(json.dumps(one(meshed.overlay, "Deployment")["spec"]["template"]["spec"]))
    spec["containers"][0]["image"] += f"@{DIGEST}"
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tried"}, "spec": spec | {"initContainers": [*first]},
    }  # fmt: skip


def container(name: str, image: str = PROXY, **more: Any) -> dict[str, Any]:
    """As Linkerd's chart has it: charts/partials/templates of linkerd2 at b24cd4059841."""
    return {"name": name, "image": image, "securityContext": RIGHTS | USER, "resources": FEW} | more


VALIDATOR = container("linkerd-network-validator")
SIDECAR = container("linkerd-proxy", restartPolicy="Always")


def test_a_pod_with_linkerd_s_proxy_is_admitted_where_that_is_the_mesh(meshed: Meshed) -> None:
    """By Pod Security at its strictest, and by deploy/policy: https://github.com/linkerd/linkerd2/issues/10232."""
    answer = meshed.tried(pod(meshed, VALIDATOR, SIDECAR))
    if meshed.mesh == "linkerd":
        assert answer == "pod/tried created (server dry run)\n"
    else:
        assert f"not {PROXY}" in answer
    assert meshed.tried(pod(meshed)) == "pod/tried created (server dry run)\n"


REFUSED = {
    "another name": (container("helper"), f"not {PROXY}"),
    "a look-alike": (container("linkerd-proxy", "cr.l5d.io/linkerd/proxy-2:1"), "not cr.l5d.io/linkerd/proxy-2:1"),
    "another place": (container("linkerd-proxy", "docker.io/linkerd/proxy:1"), "not docker.io/linkerd/proxy:1"),
    "no limits": (container("linkerd-proxy", resources={}), "limits for cpu and memory: linkerd-proxy"),
    "without the CNI plugin": (
        container("linkerd-init", securityContext=RIGHTS | USER | {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}}),
        "unrestricted capabilities",
    ),
}


@pytest.mark.parametrize("meshed", ["linkerd"], indirect=True)
@pytest.mark.parametrize("name", REFUSED)
def test_the_exception_is_for_the_proxy_alone(meshed: Meshed, name: str) -> None:
    added, reason = REFUSED[name]
    answer = meshed.tried(pod(meshed, added))
    assert "forbidden" in answer or "denied" in answer
    assert reason in answer


def test_the_policy_is_sound_to_the_api_server(meshed: Meshed) -> None:
    def said() -> dict[str, Any]:
        name = f"{meshed.name}-images"
        found = json.loads(kubectl("get", "validatingadmissionpolicy", name, "--output=json"))
        status: dict[str, Any] = found.get("status", {})
        return status

    wait_until("the expressions to be looked at", lambda: "typeChecking" in said())
    assert said()["typeChecking"] == {}, "the expressions do not fit what they look at"

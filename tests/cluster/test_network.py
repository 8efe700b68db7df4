"""NetworkPolicy, enforced: services that share a namespace, and who reaches which of them."""

import base64
import json
import re
import secrets
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.cluster.conftest import NODE, Start, answers, hasten
from tests.support import engine
from tests.support.cluster import REGISTRY, Release, enforced, get, kubectl
from tests.support.engine.database import Server
from tests.support.render import ORDERS, TEMPLATE

pytestmark = pytest.mark.engine

PROBE = "probe"
# Who is let in by each answer: the namespace that calls, beside Prometheus.
EXPOSURES = {"gateway": {"gateway"}, "ingress": {"ingress"}, "none": {"gateway", "ingress", "elsewhere", "neighbour"}}
MONITORS = {"prometheus-operator": {"prometheus"}, "none": set[str]()}


@dataclass(frozen=True)
class Shared:
    """Services in one namespace, by their answers, and the callers: a namespace and a pod for each."""

    services: dict[tuple[str, str], Release]
    callers: dict[str, str]

    def calls(self, caller: str, url: str) -> bool:
        """Whether it gets an answer; a network that refuses drops a packet, or says so."""
        code = f"import urllib.request as r; r.urlopen({url!r}, timeout=3)"
        command = ("--namespace", self.callers[caller], "exec", PROBE, "--", "python3", "-c", code)
        said = kubectl(*command, check=False)
        return got_through(said)


def got_through(said: str) -> bool:
    assert not said or re.search("timed out|Connection refused", said), said
    return not said


def probe(image: str, name: str) -> str:
    """A pod that calls, as the policies of its namespace allow: restricted, limited, by digest."""
    rights = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    few = {"cpu": "100m", "memory": "64Mi"}
    container = {
        "name": "probe", "image": image, "command": ["python3", "-c", "import time; time.sleep(3600)"],
        "securityContext": rights, "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": few},
    }  # fmt: skip
    user = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
    metadata = {"name": PROBE, "labels": {"app.kubernetes.io/name": name}}
    spec = {"containers": [container], "securityContext": user, "automountServiceAccountToken": False}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})


def pushed_probe() -> str:
    """Python as an image of ours: the policy of the namespace admits no other."""
    base = TEMPLATE.table("pins")["images"]["python-3.14"].partition("@")[0]
    tag = f"{REGISTRY}/{ORDERS['image_namespace']}/{PROBE}:1"
    engine.docker("tag", base, tag)
    found = re.search(r"digest: (sha256:[0-9a-f]{64})", engine.docker("push", tag))
    assert found
    return f"ghcr.io/{ORDERS['image_namespace']}/{PROBE}@{found[1]}"


@pytest.fixture(scope="module")
def neighbours(start: Start) -> Iterator[Shared]:
    suffix = secrets.token_hex(2)
    space = f"shared-{suffix}"
    callers = {name: f"{name}-{suffix}" for name in ("gateway", "ingress", "prometheus", "elsewhere")}
    image = pushed_probe()
    services = {}
    try:
        for exposure, monitoring in (("gateway", "prometheus-operator"), ("ingress", "none"), ("none", "none")):
            more = {"kubernetes_proxy_namespace": callers[exposure]} if exposure in callers else {}
            if exposure == "gateway":
                more["kubernetes_gateway"] = f"{callers[exposure]}/public"
            release = start(
                "go", "rolling", name=f"{exposure}-net", shared=space,
                kubernetes_exposure=exposure, kubernetes_monitoring=monitoring, **more,
            )  # fmt: skip
            hasten(release)
            services[exposure, monitoring] = release
            release.deploy(release.image("v1"))
        for name, namespace in callers.items():
            kubectl("create", "namespace", namespace)
            kubectl("--namespace", namespace, "create", "--filename=-", stdin=probe(image, name))
        callers["neighbour"] = space
        kubectl("--namespace", space, "create", "--filename=-", stdin=probe(image, "neighbour"))
        for namespace in callers.values():
            kubectl("--namespace", namespace, "wait", "--for=condition=Ready", f"pod/{PROBE}", "--timeout=60s")
        yield Shared(services, callers)
    finally:
        for namespace in callers.values():
            kubectl("delete", "namespace", namespace, "--ignore-not-found", "--wait=false")


def test_each_deployment_went_well_beside_the_others(neighbours: Shared) -> None:
    """With probes, the database and the deployer's own test: deploy.sh has waited for /readyz, and asked it."""
    for release in neighbours.services.values():
        assert release.images() == {release.image("v1")}
        answers(release, "v1")


def test_the_database_is_found_by_its_name(neighbours: Shared, server: Server) -> None:
    release = next(iter(neighbours.services.values()))
    space = release.namespace("production")
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "postgres"}, "spec": {"clusterIP": "None"}}
    addresses = {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": "postgres", "labels": {"kubernetes.io/service-name": "postgres"}},
        "endpoints": [{"addresses": [NODE]}], "ports": [{"port": server.port}],
    }  # fmt: skip
    for manifest in (service, addresses):
        kubectl("--namespace", space, "create", "--filename=-", stdin=json.dumps(manifest))
    for role, secret in (("app", "database"), ("owner", "database-owner")):
        name = f"{release.name}-{secret}"
        url = base64.b64decode(get(space, "secret", name)["data"]["url"]).decode()
        assert f"{NODE}:" in url, role
        change = json.dumps({"stringData": {"url": url.replace(f"{NODE}:", "postgres:")}})
        kubectl("--namespace", space, "patch", "secret", name, f"--patch={change}")
    release.deploy(release.image("named"))
    answers(release, "named")


def test_nothing_else_is_reached(neighbours: Shared) -> None:
    """Not the API server, and no other port of the machine that has the database."""
    release = next(iter(neighbours.services.values()))
    listener = socket.create_server(("0.0.0.0", 0))  # noqa: S104 - on the test's own machine
    with listener:
        for host, port in (("kubernetes.default", 443), (NODE, listener.getsockname()[1])):
            assert not reaches(release, host, port), f"{host}:{port}"


def reaches(release: Release, host: str, port: int) -> bool:
    """Whether a pod with the labels of the service's own connects; the image of the service has no shell to try it."""
    space = release.namespace("production")
    manifest = json.loads(probe(pushed_probe(), release.name))
    pod = f"inside-{secrets.token_hex(2)}"
    manifest["metadata"] |= {"name": pod, "labels": {"app.kubernetes.io/name": release.name, "slot": "tried"}}
    kubectl("--namespace", space, "create", "--filename=-", stdin=json.dumps(manifest))
    try:
        kubectl("--namespace", space, "wait", "--for=condition=Ready", f"pod/{pod}", "--timeout=60s")
        enforced(space, pod)
        code = f"import socket; socket.create_connection(({host!r}, {port}), timeout=3)"
        said = kubectl("--namespace", space, "exec", pod, "--", "python3", "-c", code, check=False)
        return got_through(said)
    finally:
        kubectl("--namespace", space, "delete", "pod", pod, "--grace-period=0", "--force")


def test_who_is_let_in_and_who_is_not(neighbours: Shared) -> None:
    for (exposure, monitoring), release in neighbours.services.items():
        allowed = EXPOSURES[exposure] | MONITORS[monitoring]
        if exposure == "none":
            allowed |= {"prometheus"}
        for caller in neighbours.callers:
            url = f"http://{release.name}.{release.namespace('production')}/metrics"
            assert neighbours.calls(caller, url) == (caller in allowed), f"{caller} calls {exposure}, {monitoring}"


def test_what_an_ingress_keeps_from_callers_leads_nowhere(neighbours: Shared) -> None:
    """As an Ingress controller sees it, which asks for the addresses behind a Service."""
    release = neighbours.services["ingress", "none"]
    space = release.namespace("production")
    slices = get(space, "endpointslices", f"--selector=kubernetes.io/service-name={release.name}-closed")["items"]
    assert [address for each in slices for address in each["endpoints"] or ()] == []
    assert get(space, "service", f"{release.name}-closed")["spec"]["ports"][0]["name"] == "http"


def test_a_second_deployment_leaves_the_first_one_s_objects_alone(neighbours: Shared) -> None:
    first, *others = neighbours.services.values()
    kinds = (
        "networkpolicies,services,deployments,configmaps,horizontalpodautoscalers,roles,rolebindings,serviceaccounts"
    )

    def objects() -> dict[str, str]:
        items = get(first.namespace("production"), kinds, f"--selector=app.kubernetes.io/name={first.name}")["items"]
        return {f"{i['kind']} {i['metadata']['name']}": json.dumps(i.get("spec", i.get("rules"))) for i in items}

    before = objects()
    for release in others:
        release.deploy(release.image("v2"))
    assert objects() == before
    first.deploy(first.image("v2"))
    answers(first, "v2")


def test_each_deployer_is_its_service_s_own(neighbours: Shared) -> None:
    for (exposure, _), release in neighbours.services.items():
        config = release.deployer("production")
        for kind, owner in (("httproutes.gateway.networking.k8s.io", "gateway"), ("ingresses", "ingress")):
            command = ("auth", "can-i", "patch", kind, f"--namespace={release.namespace('production')}")
            assert kubectl(*command, config=config, check=False).startswith("yes") == (exposure == owner), kind

"""A mesh beside network policies, Pod Security and deploy/policy: how they got into each other's way for others."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from shipshape.template import Answers

from tests.support.cluster.manifests import DIGEST, ENVIRONMENTS, Manifest, Rendered, kustomize, of_kind, one, parsed
from tests.support.cluster.mesh import ADMITS, PLAIN, TUNNELS, Caller, container_port
from tests.support.render import ORDERS

SERVICE = ORDERS["service_name"]
FULL: Answers = {
    "language": "go", "orchestrator": "kubernetes", "database": "postgres", "kubernetes_exposure": "gateway",
    "kubernetes_proxy_namespace": "edge", "kubernetes_monitoring": "prometheus-operator",
    "kubernetes_prometheus": "observability/prometheus",
}  # fmt: skip
GATEWAY, PROMETHEUS = Caller("edge", "public"), Caller("observability", "prometheus")


@pytest.fixture(params=ADMITS)
def mesh(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=ENVIRONMENTS)
def overlay(request: pytest.FixtureRequest, mesh: str, rendered: Callable[[Answers], Path]) -> list[Manifest]:
    """All that is asked for at once: behind a gateway, watched by Prometheus, with a database."""
    project = rendered(FULL | {"kubernetes_mesh": mesh})
    return parsed(kustomize(project / "deploy/kubernetes/overlays" / request.param))


def rules(manifests: list[Manifest], direction: str) -> Iterator[tuple[str, set[Any]]]:
    """Each rule of the network policies: the policy's name, and the rule's ports."""
    for policy in of_kind(manifests, "NetworkPolicy"):
        for rule in policy["spec"].get(direction) or []:
            yield policy["metadata"]["name"], {port["port"] for port in rule["ports"]}


def test_the_tunnel_is_open_to_whom_the_service_is_and_to_nobody_else(kubernetes: Rendered) -> None:
    """Closed, nobody gets through; open to all, every pod of the cluster does, to any port.

    https://github.com/istio/istio/issues/52742, https://github.com/istio/istio/issues/56659,
    https://github.com/linkerd/linkerd2/issues/15246
    """
    tunnel = TUNNELS.get(kubernetes.answers["kubernetes_mesh"])
    for environment in ENVIRONMENTS:
        for policy, ports in rules(kubernetes.overlay(environment), "ingress"):
            of_probes = policy == f"{SERVICE}-allow-probes"
            assert ports == ({"http", tunnel} if tunnel and not of_probes else {"http"}), policy


def test_probes_come_in(overlay: list[Manifest], mesh: str) -> None:
    """In ambient mode they come from an address that no network plugin knows as the node's.

    https://github.com/kartverket/skiperator/pull/940, https://istio.io/latest/docs/ambient/usage/networkpolicy/
    """
    from_own = [
        peer["ipBlock"]["cidr"]
        for policy in of_kind(overlay, "NetworkPolicy")
        for rule in policy["spec"].get("ingress") or []
        for peer in rule["from"]
        if "ipBlock" in peer
    ]
    of_istio = ["169.254.7.127/32", "fd16:9254:7127:1337:ffff:ffff:ffff:ffff/128"]
    assert from_own == (of_istio if mesh == "istio-ambient" else [])


def test_linkerd_admits_the_probes_by_itself(rendered: Callable[[Answers], Path]) -> None:
    """But not where a route is bound to the Server, nor to a path with a query.

    https://github.com/linkerd/linkerd2/pull/9008, https://github.com/linkerd/linkerd2/issues/10877
    """
    project = rendered(FULL | {"kubernetes_mesh": "linkerd"})
    overlay = parsed(kustomize(project / "deploy/kubernetes/overlays/production"))
    parents = {parent.get("kind") for route in of_kind(overlay, "HTTPRoute") for parent in route["spec"]["parentRefs"]}
    assert parents == {"Service", None}, "a route of proxies, or of the Gateway"
    (container,) = one(overlay, "Deployment")["spec"]["template"]["spec"]["containers"]
    probes = [probe["httpGet"]["path"] for name, probe in container.items() if name.endswith("Probe")]
    assert {path for path in probes if "?" not in path} == set(probes) > set()


def test_who_has_no_identity_is_refused(overlay: list[Manifest], mesh: str) -> None:
    """An ingress controller or a Prometheus that is outside the mesh: both must join, and deploy/README.md says so.

    https://github.com/istio/istio/issues/51482, https://github.com/deckhouse/deckhouse/issues/2309
    """
    assert not ADMITS[mesh](overlay, PLAIN, container_port(overlay))
    if mesh == "istio-ambient":  # whatever other policies come to allow
        assert one(overlay, "PeerAuthentication")["spec"]["mtls"] == {"mode": "STRICT"}


def test_the_gateway_and_prometheus_are_known_by_their_identities(overlay: list[Manifest], mesh: str) -> None:
    port = container_port(overlay)
    for caller in (GATEWAY, PROMETHEUS):
        assert ADMITS[mesh](overlay, caller, port), caller
    strangers = (Caller("observability", "grafana"), Caller("elsewhere", "prometheus"), Caller(SERVICE, SERVICE))
    for caller in strangers:
        assert not ADMITS[mesh](overlay, caller, port), caller


def test_no_other_port_is_reached_through_the_tunnel(overlay: list[Manifest], mesh: str) -> None:
    """A network policy sees the tunnel's port alone, so it can't keep a debugger's port from who may call the service.

    https://github.com/istio/istio/issues/56659, https://github.com/linkerd/linkerd2/issues/15246
    """
    for port in (container_port(overlay) + 1, 9229):
        assert not ADMITS[mesh](overlay, GATEWAY, port)


def test_whom_it_admits_follows_the_answers(kubernetes: Rendered) -> None:
    mesh = kubernetes.answers["kubernetes_mesh"]
    if mesh == "none":
        return
    exposure, monitoring = (kubernetes.answers[f"kubernetes_{name}"] for name in ("exposure", "monitoring"))
    for environment in ENVIRONMENTS:
        overlay = kubernetes.overlay(environment)
        port = container_port(overlay)
        assert not ADMITS[mesh](overlay, PLAIN, port)
        proxies = {"gateway": "gateway-system", "ingress": "traefik"}.get(exposure)
        for caller in (Caller("gateway-system", "a"), Caller("traefik", "a"), Caller("elsewhere", "a")):
            assert ADMITS[mesh](overlay, caller, port) == (exposure == "none" or caller.namespace == proxies), caller
        watched = monitoring == "prometheus-operator" or exposure == "none"
        assert ADMITS[mesh](overlay, Caller("monitoring", "prometheus-k8s"), port) == watched


def test_ztunnel_is_asked_for_what_it_can_judge(kubernetes: Rendered) -> None:
    """With a path or a method in it, a rule that allows matches nothing, and one that denies does not deny.

    https://github.com/istio/istio/issues/44256, https://github.com/istio/istio/issues/61126
    """
    for environment in ENVIRONMENTS:
        for policy in of_kind(kubernetes.overlay(environment), "AuthorizationPolicy"):
            if policy["apiVersion"] != "security.istio.io/v1":
                continue
            assert "targetRefs" not in policy["spec"], "that is for waypoints"
            for rule in policy["spec"]["rules"]:
                assert rule.keys() == {"from", "to"}
                assert all(to["operation"].keys() == {"ports"} for to in rule["to"])
                fields = {field for source in rule["from"] for field in source["source"]}
                assert fields <= {"principals", "namespaces", "serviceAccounts"}


def test_pod_security_and_the_image_policy_stay(mesh: str, rendered: Callable[[Answers], Path]) -> None:
    """No mesh relaxes the namespaces; in ambient mode nothing is put into a pod, and deploy/policy is as without."""
    with_mesh, without = (rendered(FULL | {"kubernetes_mesh": name}) for name in (mesh, "none"))
    for environment in ENVIRONMENTS:
        labels = one(parsed(kustomize(with_mesh / "deploy/kubernetes/setup" / environment)), "Namespace")["metadata"]
        assert labels["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    if mesh == "istio-ambient":
        assert kustomize(with_mesh / "deploy/policy") == kustomize(without / "deploy/policy")


def test_a_job_ends(overlay: list[Manifest]) -> None:
    """A proxy beside it would run on: https://github.com/linkerd/linkerd2/issues/7425. It calls nobody in the mesh."""
    template = one(overlay, "Job")["spec"]["template"]["metadata"]
    assert "istio.io/dataplane-mode" not in template["labels"]
    of_pods = one(overlay, "Deployment")["spec"]["template"]["metadata"].get("annotations", {})
    assert template.get("annotations") == ({"linkerd.io/inject": "disabled"} if of_pods else None)


def test_a_route_gives_up_after_the_service_does(overlay: list[Manifest]) -> None:
    routes = of_kind(overlay, "HTTPRoute")
    seconds = {
        rule["timeouts"]["request"] for route in routes for rule in route["spec"]["rules"] if "backendRefs" in rule
    }
    assert seconds == {"35s"}, "docs/contract.md has 30 s for a request's whole time in the service"


def test_what_writes_is_asked_once(rendered: Callable[[Answers], Path]) -> None:
    """A POST that was done, and whose answer was lost, would be done again.

    https://linkerd.io/2/tasks/configuring-retries/
    """
    project = rendered(FULL | {"kubernetes_mesh": "linkerd"})
    overlay = parsed(kustomize(project / "deploy/kubernetes/overlays/production"))
    methods = {}
    for route in of_kind(overlay, "HTTPRoute"):
        (parent,) = route["spec"]["parentRefs"]
        if parent.get("kind") != "Service":
            continue
        (rule,) = route["spec"]["rules"]
        again = "retry.linkerd.io/http" in route["metadata"].get("annotations", {})
        methods[again] = [match["method"] for match in rule.get("matches", [])]
    assert methods == {True: ["GET", "HEAD"], False: []}, "a request that no route matches is answered 404"


def test_the_proxy_reaches_its_control_plane(rendered: Callable[[Answers], Path]) -> None:
    """Without it, a pod never becomes ready: https://github.com/linkerd/linkerd2/issues/15246."""
    project = rendered(FULL | {"kubernetes_mesh": "linkerd"})
    policies = of_kind(parsed(kustomize(project / "deploy/kubernetes/overlays/production")), "NetworkPolicy")
    (allowed,) = (policy["spec"] for policy in policies if policy["metadata"]["name"] == f"{SERVICE}-allow-mesh")
    (rule,) = allowed["egress"]
    assert rule["to"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "linkerd"}}}]
    assert {port["port"] for port in rule["ports"]} >= {8080, 8086, 8090}


def test_of_linkerd_s_containers_the_proxy_alone_is_excepted(rendered: Callable[[Answers], Path]) -> None:
    """By name and place; its limits are asked for like those of others: https://github.com/beclab/Olares/pull/3806.

    What the API server makes of it: tests/cluster/test_mesh.py.
    """
    project = rendered(FULL | {"kubernetes_mesh": "linkerd", "kubernetes_verification": "policy-controller"})
    policy = parsed(kustomize(project / "deploy/policy"))
    variables = {v["name"]: v["expression"] for v in one(policy, "ValidatingAdmissionPolicy")["spec"]["variables"]}
    assert "['linkerd-proxy', 'linkerd-network-validator']" in variables["own"]
    assert "c.image.startsWith('cr.l5d.io/linkerd/proxy:')" in variables["own"]
    assert variables["images"].startswith("(variables.own + ")
    assert variables["unbounded"].startswith("variables.containers.filter(")
    deployment = one(parsed(kustomize(project / "deploy/kubernetes/overlays/production")), "Deployment")
    said = deployment["spec"]["template"]["metadata"]["annotations"]
    for what in ("cpu-limit", "memory-limit", "cpu-request", "memory-request"):
        assert said[f"config.linkerd.io/proxy-{what}"], "the autoscaler wants requests of every container"
    (passed,) = (p for p in of_kind(policy, "ClusterImagePolicy") if p["metadata"]["name"] == f"{SERVICE}-proxies")
    assert passed["spec"]["images"] == [{"glob": "cr.l5d.io/linkerd/proxy:*"}]
    assert passed["spec"]["authorities"] == [{"name": "linkerd", "static": {"action": "pass"}}]


# A cluster whose mesh takes no pod of ours: its part that does so is not on the node, or has failed open.
CLUSTER = r"""#!/bin/bash
case "$*" in
  kustomize* | config*) PATH=${PATH#*:} exec kubectl "$@" ;;
  version*) echo '{"serverVersion": {"minor": "36"}}' ;;
  *'get replicasets'*) echo "$SETS" ;;
  *'get configmap'*) echo '{"data": {"slot": "", "manifests": "", "unfinished": ""}}' ;;
  *'get pods'*) echo "$PODS" ;;
  *--filename\ -*) cat > /dev/null ;;
  *port-forward*) echo 'tested' >&2; exit 1 ;;
esac
"""
SETS = (
    '{"items": [{"metadata": {"ownerReferences": [{"name": "orders-api"}], "labels": {"pod-template-hash": "h"},'
    ' "annotations": {"deployment.kubernetes.io/revision": "1"}}}]}'
)
TAKEN = {
    "istio-ambient": '{"metadata": {"annotations": {"ambient.istio.io/redirection": "enabled"}}, "spec": {}}',
    "linkerd": '{"metadata": {}, "spec": {"initContainers": [{"name": "linkerd-proxy"}], "containers": []}}',
}
LEFT = '{"metadata": {}, "spec": {"containers": [{"name": "app"}]}}'


@pytest.mark.parametrize("pods", [[], ["LEFT"], ["TAKEN", "LEFT"], ["TAKEN", "TAKEN"]], ids=len)
def test_a_version_that_the_mesh_has_not_taken_is_not_kept(
    mesh: str, pods: list[str], rendered: Callable[[Answers], Path], tmp_path: Path
) -> None:
    """It would answer everybody, in plain text: https://github.com/beclab/Olares/pull/3785."""
    project = rendered(FULL | {"kubernetes_mesh": mesh, "database": "none"})
    for name, text in (("kubectl", CLUSTER), ("sleep", "#!/bin/sh\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    items = ",".join(TAKEN[mesh] if pod == "TAKEN" else LEFT for pod in pods)
    told = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SETS": SETS, "PODS": f'{{"items": [{items}]}}'}
    image = f"ghcr.io/{ORDERS['image_namespace']}/{SERVICE}@{DIGEST}"
    done = subprocess.run(
        [project / "deploy/kubernetes/deploy.sh", "staging", image],
        env=os.environ | told, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    taken = pods == ["TAKEN", "TAKEN"]
    assert ("has not taken the pods of orders-api: deploy/README.md says" in done.stderr) != taken, done.stderr
    assert ("kubectl does not forward" in done.stderr) == taken, "the next step is the test"

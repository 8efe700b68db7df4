"""Services of one repository in a mesh: a caller is known by its identity, beside the network policies."""

from pathlib import Path
from typing import Any

import pytest

from tests.services.repository import add
from tests.services.test_calls import meets, pods
from tests.support.cluster.manifests import ENVIRONMENTS, Manifest, kustomize, of_kind, one, parsed
from tests.support.cluster.mesh import ADMITS, TUNNELS, Caller, container_port

SERVICES: dict[str, dict[str, Any]] = {
    "shop": {"calls": ["payments:8080"]},
    "payments": {"called_by": ["shop"], "kubernetes_exposure": "none", "kubernetes_monitoring": "none"},
}


def tunnels(manifests: list[Manifest], direction: str, word: str, other: list[Manifest]) -> list[set[Any]]:
    """The ports of each rule that is about the pods of another service."""
    return [
        {port["port"] for port in rule["ports"]}
        for policy in of_kind(manifests, "NetworkPolicy")
        for rule in policy["spec"].get(direction) or []
        for peer in rule.get(word, [])
        if "podSelector" in peer and peer.get("namespaceSelector") and meets(peer, *pods(other))
    ]


@pytest.mark.parametrize(("mesh", "namespace"), [("istio-ambient", ""), ("linkerd", "mall")])
def test_a_caller_is_admitted_by_the_network_and_by_its_identity(
    plain_template: Path, tmp_path: Path, mesh: str, namespace: str
) -> None:
    where = {"kubernetes_namespace": namespace} if namespace else {}
    for name, own in SERVICES.items():
        add(
            plain_template,
            tmp_path,
            name,
            language="go",
            orchestrator="kubernetes",
            kubernetes_mesh=mesh,
            **own,
            **where,
        )
    made = {
        (name, environment): parsed(kustomize(tmp_path / f"services/{name}/deploy/kubernetes/overlays/{environment}"))
        for name in SERVICES
        for environment in ENVIRONMENTS
    }
    for environment in ENVIRONMENTS:
        shop, payments = made["shop", environment], made["payments", environment]
        deployment = one(shop, "Deployment")
        account = deployment["spec"]["template"]["spec"]["serviceAccountName"]
        caller = Caller(deployment["metadata"]["namespace"], account)
        port = container_port(payments)
        assert tunnels(shop, "egress", "to", payments) == [{port, TUNNELS[mesh]}]
        assert tunnels(payments, "ingress", "from", shop) == [{"http", TUNNELS[mesh]}]
        assert ADMITS[mesh](payments, caller, port)
        (other,) = set(ENVIRONMENTS) - {environment}
        strangers = [
            Caller(made["shop", other][0]["metadata"]["namespace"], account),
            Caller(caller.namespace, "default"),
            Caller("elsewhere", account),
        ]
        for stranger in strangers:
            assert not ADMITS[mesh](payments, stranger, port), stranger
        assert not ADMITS[mesh](payments, caller, port + 1)

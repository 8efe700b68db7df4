"""Whom a mesh lets in: what is rendered for it, evaluated after its documentation."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.support.cluster.manifests import Manifest, of_kind, one


@dataclass(frozen=True)
class Caller:
    """Who calls: a service account that the mesh has proved."""

    namespace: str
    account: str


PLAIN = None  # a caller outside the mesh: it has proved nothing


def container_port(manifests: Iterable[Manifest]) -> int:
    (port,) = one(manifests, "Deployment")["spec"]["template"]["spec"]["containers"][0]["ports"]
    return int(port["containerPort"])


def of_group(manifests: Iterable[Manifest], group: str, kind: str) -> list[Manifest]:
    return [found for found in of_kind(manifests, kind) if found["apiVersion"].startswith(f"{group}/")]


def selected(selector: dict[str, Any], manifests: Iterable[Manifest]) -> bool:
    labels = one(manifests, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert selector.keys() == {"matchLabels"}
    return bool(selector["matchLabels"].items() <= labels.items())


def ambient_admits(manifests: list[Manifest], caller: Caller | None, port: int) -> bool:
    """What ztunnel does: mutual TLS, then any policy that allows.

    https://istio.io/latest/docs/reference/config/security/authorization-policy/
    """
    if "istio.io/dataplane-mode" not in one(manifests, "Deployment")["spec"]["template"]["metadata"]["labels"]:
        return True
    modes = [
        found["spec"]["mtls"]["mode"]
        for found in of_group(manifests, "security.istio.io", "PeerAuthentication")
        if selected(found["spec"]["selector"], manifests)
    ]
    if caller is None and modes == ["STRICT"]:
        return False
    policies = [
        found["spec"]
        for found in of_group(manifests, "security.istio.io", "AuthorizationPolicy")
        if selected(found["spec"]["selector"], manifests)
    ]
    assert all(policy["action"] == "ALLOW" for policy in policies)
    return not policies or any(
        str(port) in to["operation"]["ports"] and known(entry["source"], caller)
        for policy in policies
        for rule in policy["rules"]
        for to in rule["to"]
        for entry in rule["from"]
    )


def known(source: dict[str, list[str]], caller: Caller | None) -> bool:
    """Whether a source is this caller: its fields hold together, of the values of one any will do."""
    if caller is None:
        return False
    names = {
        "principals": "*",
        "namespaces": caller.namespace,
        "serviceAccounts": f"{caller.namespace}/{caller.account}",
    }
    assert source
    return all(names[field] in values for field, values in source.items())


ADMITS = {"istio-ambient": ambient_admits}
# The port at which a mesh hands over what others send.
TUNNELS = {"istio-ambient": 15008}

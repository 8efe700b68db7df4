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


def linkerd_admits(manifests: list[Manifest], caller: Caller | None, port: int) -> bool:
    """What its proxy does: a Server denies whom no policy admits; a port without one has the pods' default.

    https://linkerd.io/2/reference/authorization-policy/
    """
    annotations = one(manifests, "Deployment")["spec"]["template"]["metadata"]["annotations"]
    assert annotations["linkerd.io/inject"] == "enabled"
    group = "policy.linkerd.io"
    servers = [
        found for found in of_group(manifests, group, "Server") if selected(found["spec"]["podSelector"], manifests)
    ]
    assert [found["spec"]["port"] for found in servers] == ["http"]
    if port != container_port(manifests):
        return bool(annotations["config.linkerd.io/default-inbound-policy"] != "deny")
    if servers[0]["spec"]["accessPolicy"] != "deny":
        return True
    proofs = {found["metadata"]["name"]: found["spec"] for found in of_group(manifests, group, "MeshTLSAuthentication")}
    target = {"group": group, "kind": "Server", "name": servers[0]["metadata"]["name"]}
    return any(
        all(proven(proofs[ref["name"]], caller) for ref in policy["spec"]["requiredAuthenticationRefs"])
        for policy in of_group(manifests, group, "AuthorizationPolicy")
        if policy["spec"]["targetRef"] == target
    )


def proven(proof: dict[str, Any], caller: Caller | None) -> bool:
    if caller is None:
        return False
    if "identities" in proof:
        assert proof["identities"] == ["*"]
        return True
    account = {"kind": "ServiceAccount", "name": caller.account, "namespace": caller.namespace}
    return account in proof["identityRefs"] or {"kind": "Namespace", "name": caller.namespace} in proof["identityRefs"]


ADMITS = {"istio-ambient": ambient_admits, "linkerd": linkerd_admits}
# The port at which a mesh hands over what others send.
TUNNELS = {"istio-ambient": 15008, "linkerd": 4143}

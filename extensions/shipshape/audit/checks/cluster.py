"""What several objects of Kubernetes say together. https://kubernetes.io/docs/concepts/configuration/overview/."""

from __future__ import annotations

from collections.abc import Iterator

from ..files import folder
from ..lines import Map, dig, mapping, sequence
from ..model import Repository
from ..objects import Manifest, Pod
from ..words import literal
from .registry import Judged, Verdict, each, fault, over

manifests = each(lambda repository: repository.manifests)
LONG = {"Deployment", "StatefulSet", "Rollout"}


def beside(repository: Repository, one: Manifest, kind: str) -> list[Manifest]:
    """Objects of a kind that are there, in the same tree of folders: the first two parts of the path."""
    near = folder(one.path).split("/")[:2]
    return [
        other
        for other in repository.manifests
        if other.kind == kind and folder(other.path).split("/")[: len(near)] == near
    ]


def _account(pod: Pod) -> str:
    return str(pod.spec.get("serviceAccountName") or "default")


@over("kubernetes-token")
def token(repository: Repository) -> Iterator[Verdict]:
    """A pod that has no rights at the API gets no token for it."""
    bound = {
        str(dig(subject, "name"))
        for one in repository.manifests
        if one.kind in {"RoleBinding", "ClusterRoleBinding"}
        for subject in sequence(one.data.get("subjects"))
    }
    off = {
        one.name
        for one in repository.manifests
        if one.kind == "ServiceAccount" and one.data.get("automountServiceAccountToken") is False
    }
    for pod in repository.pods():
        account = _account(pod)
        if account in bound:
            continue
        here = pod.spec.get("automountServiceAccountToken")
        broken = here is not False and not (here is None and account in off)
        yield Verdict(
            pod.path, pod.spec.at("automountServiceAccountToken"), fault(broken, "gets a token that it does not need")
        )


@manifests("kubernetes-secret")
def secret(manifest: Manifest) -> Judged:
    """No Secret stands in the repository."""
    if manifest.kind != "Secret" or manifest.data.get("apiVersion") != "v1" or "sops" in manifest.data:
        return
    values = mapping(manifest.data.get("data")) | mapping(manifest.data.get("stringData"))
    if manifest.data.get("type") == "kubernetes.io/service-account-token" or not values:
        return
    yield (
        manifest.data.at("stringData" if "stringData" in manifest.data else "data"),
        fault(any(literal(value) for value in values.values()), f"the values of {manifest.name} stand here"),
    )


@manifests("kubernetes-wildcard")
def wildcard(manifest: Manifest) -> Judged:
    """No role may do everything."""
    if manifest.kind in {"Role", "ClusterRole"}:
        for rule in sequence(manifest.data.get("rules")):
            if isinstance(rule, Map):
                all_ = "*" in sequence(rule.get("verbs")) and "*" in sequence(rule.get("resources"))
                yield rule.line, fault(all_, f"{manifest.name} may do everything with everything")


@manifests("kubernetes-cluster-admin")
def cluster_admin(manifest: Manifest) -> Judged:
    """Nobody is made the cluster's administrator."""
    if manifest.kind in {"RoleBinding", "ClusterRoleBinding"}:
        role = dig(manifest.data, "roleRef", "name")
        yield manifest.data.at("roleRef"), fault(role == "cluster-admin", f"{manifest.name} gives cluster-admin")


@over("kubernetes-network-policy")
def network_policy(repository: Repository) -> Iterator[Verdict]:
    """Beside the workloads there is a policy that says who reaches them."""
    for pod in repository.pods():
        if pod.manifest.kind in LONG:
            kinds = ("NetworkPolicy", "CiliumNetworkPolicy", "AuthorizationPolicy")
            found = any(beside(repository, pod.manifest, kind) for kind in kinds)
            yield Verdict(pod.path, pod.manifest.data.line, fault(not found, f"everybody reaches {pod.manifest.name}"))


def _several(repository: Repository, one: Manifest) -> bool:
    replicas = dig(one.data, "spec", "replicas")
    scaled = any(dig(other.data, "spec", "scaleTargetRef", "name") == one.name for other in _scalers(repository))
    return (isinstance(replicas, int) and replicas > 1) or scaled


def _scalers(repository: Repository) -> list[Manifest]:
    return [one for one in repository.manifests if one.kind in {"HorizontalPodAutoscaler", "ScaledObject"}]


@over("kubernetes-disruption")
def disruption(repository: Repository) -> Iterator[Verdict]:
    """Of several pods not all are evicted at once."""
    for pod in repository.pods():
        one = pod.manifest
        if one.kind in LONG and _several(repository, one):
            found = beside(repository, one, "PodDisruptionBudget")
            yield Verdict(one.path, one.data.line, fault(not found, f"a drain may evict all pods of {one.name}"))


@over("kubernetes-spread")
def spread(repository: Repository) -> Iterator[Verdict]:
    """Of several pods not all are on one node."""
    for pod in repository.pods():
        one = pod.manifest
        if one.kind in LONG and _several(repository, one):
            apart = pod.spec.get("topologySpreadConstraints") or dig(pod.spec, "affinity", "podAntiAffinity")
            yield Verdict(one.path, pod.spec.line, fault(not apart, f"all pods of {one.name} may be on one node"))


@over("kubernetes-replicas")
def replicas(repository: Repository) -> Iterator[Verdict]:
    """One alone says how many pods there are."""
    targets = {str(dig(one.data, "spec", "scaleTargetRef", "name")) for one in _scalers(repository)}
    for one in repository.manifests:
        if one.kind in LONG and one.name in targets and one.pod:
            given = "replicas" in mapping(one.data.get("spec"))
            yield Verdict(
                one.path, one.data.at("spec", "replicas"), fault(given, "overrules the autoscaler at each deployment")
            )

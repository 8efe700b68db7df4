"""Pods and their containers. https://kubernetes.io/docs/concepts/security/pod-security-standards/."""

from __future__ import annotations

import re
from typing import Any

from ..lines import Map, dig, mapping, sequence
from ..objects import Container, Pod
from ..words import digest, literal, moving, names_secret
from .registry import Judged, each, fault

pods = each(lambda repository: repository.pods())
containers = each(lambda repository: repository.containers())
# What takes requests or works for long, and does not end.
serving = each(lambda repository: (one for one in repository.containers() if not one.first and _serves(one.pod)))


def _serves(pod: Pod) -> bool:
    return pod.manifest.kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Rollout")


def said(container: Container, key: str) -> Any:
    """What the container says of its security, or else its pod."""
    own = dig(container.data, "securityContext", key)
    return dig(container.pod.spec, "securityContext", key) if own is None else own


def at(container: Container, *keys: str) -> int:
    """The line of a key of the container; its own where that is not there."""
    return container.data.at(*keys)


@containers("kubernetes-non-root")
def non_root(container: Container) -> Judged:
    """It is not root."""
    user = said(container, "runAsUser")
    broken = said(container, "runAsNonRoot") is not True or user == 0
    yield at(container, "securityContext", "runAsNonRoot"), fault(broken, f"{container.data.get('name')} may be root")


@containers("kubernetes-escalation")
def escalation(container: Container) -> Judged:
    """It gains no more rights."""
    broken = dig(container.data, "securityContext", "allowPrivilegeEscalation") is not False
    yield at(container, "securityContext", "allowPrivilegeEscalation"), fault(broken, "may gain privileges")


@containers("kubernetes-capabilities")
def capabilities(container: Container) -> Judged:
    """It drops all capabilities."""
    dropped = {str(one).upper() for one in sequence(dig(container.data, "securityContext", "capabilities", "drop"))}
    yield (
        at(container, "securityContext", "capabilities"),
        fault("ALL" not in dropped, "keeps the runtime's capabilities"),
    )


@containers("kubernetes-seccomp")
def seccomp(container: Container) -> Judged:
    """Its system calls are filtered."""
    kind = dig(said(container, "seccompProfile"), "type")
    broken = kind not in ("RuntimeDefault", "Localhost")
    yield at(container, "securityContext", "seccompProfile"), fault(broken, "no seccomp profile")


@containers("kubernetes-privileged")
def privileged(container: Container) -> Judged:
    """It is not as mighty as the node."""
    broken = dig(container.data, "securityContext", "privileged") is True
    yield at(container, "securityContext", "privileged"), fault(broken, "privileged")


@pods("kubernetes-host-namespace")
def host_namespace(pod: Pod) -> Judged:
    """It does not share the node's network, processes or memory."""
    shared = [key for key in ("hostNetwork", "hostPID", "hostIPC") if pod.spec.get(key) is True]
    yield pod.spec.at(shared[0]) if shared else pod.spec.line, fault(shared, ", ".join(shared))


@pods("kubernetes-host-path")
def host_path(pod: Pod) -> Judged:
    """It reaches no folder of the node."""
    for one in sequence(pod.spec.get("volumes")):
        if isinstance(one, Map):
            path = dig(one, "hostPath", "path")
            yield one.at("hostPath"), fault("hostPath" in one, f"mounts {path} of the node")


@containers("kubernetes-read-only")
def read_only(container: Container) -> Judged:
    """Its file system can't be changed."""
    broken = dig(container.data, "securityContext", "readOnlyRootFilesystem") is not True
    yield at(container, "securityContext", "readOnlyRootFilesystem"), fault(broken, "can write anywhere")


@containers("kubernetes-requests")
def requests(container: Container) -> Judged:
    """The scheduler knows what it needs; a limit counts as a request."""
    asked = mapping(dig(container.data, "resources", "limits")) | mapping(dig(container.data, "resources", "requests"))
    lacking = [name for name in ("cpu", "memory") if name not in asked]
    yield at(container, "resources", "requests"), fault(lacking, f"asks for no {' and no '.join(lacking)}")


@containers("kubernetes-memory-limit")
def memory_limit(container: Container) -> Judged:
    """It can't take the node's memory."""
    broken = dig(container.data, "resources", "limits", "memory") is None
    yield at(container, "resources", "limits"), fault(broken, "no limit of memory")


@serving("kubernetes-readiness")
def readiness(container: Container) -> Judged:
    """Who listens says when it is ready."""
    ports = [str(dig(one, "name") or "") for one in sequence(container.data.get("ports"))]
    if any(not re.search("metrics|prom|debug|admin", name) for name in ports):
        yield at(container, "ports"), fault("readinessProbe" not in container.data, "no readinessProbe")


@containers("kubernetes-latest")
def latest(container: Container) -> Judged:
    """The image has a tag other than `latest`; where a kustomization lists the file, it may set one."""
    image = container.image
    if (
        image
        and not set("$<") & set(image)
        and not (container.pod.manifest.listed and ":" not in image.rpartition("/")[2])
    ):
        yield at(container, "image"), fault(moving(image), f"{image} is another image tomorrow")


@containers("kubernetes-digest")
def by_digest(container: Container) -> Judged:
    """The image has a digest; one of a kustomization gets it there."""
    image = container.image
    if image and not set("$<") & set(image) and not moving(image) and not container.pod.manifest.listed:
        yield at(container, "image"), fault(not digest(image), f"{image} has no digest")


@containers("kubernetes-secret-value")
def secret_value(container: Container) -> Judged:
    """A secret comes from a Secret."""
    for one in sequence(container.data.get("env")):
        if isinstance(one, Map) and names_secret(str(one.get("name"))):
            broken = "value" in one and literal(one["value"])
            yield one.at("value"), fault(broken, f"{one['name']} has its value here")

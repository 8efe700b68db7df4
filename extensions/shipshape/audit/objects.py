"""Kubernetes: objects, and the pods that they make."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from .lines import Map, dig, mapping, sequence

WORKLOADS = {
    "Deployment": ("spec", "template"), "StatefulSet": ("spec", "template"), "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"), "Job": ("spec", "template"), "Rollout": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"), "Pod": (),
}  # fmt: skip


@dataclass(frozen=True)
class Manifest:
    """An object of Kubernetes; `listed` where a kustomization names its file: then more may be said there."""

    path: str
    data: Map
    listed: bool = False

    @property
    def kind(self) -> str:
        """Such as Deployment."""
        return str(self.data.get("kind"))

    @property
    def name(self) -> str:
        """Of the object."""
        return str(dig(self.data, "metadata", "name"))

    @property
    def pod(self) -> Pod | None:
        """The pods that it makes; None where it makes none, or where it only changes another's."""
        if self.kind not in WORKLOADS or "containers" not in mapping(dig(self.data, *WORKLOADS[self.kind], "spec")):
            return None
        pod = Pod(self, mapping(dig(self.data, *WORKLOADS[self.kind], "spec")))
        return pod if pod.containers and all(one.image for one in pod.containers) else None


@dataclass(frozen=True)
class Pod:
    """A pod's `spec`."""

    manifest: Manifest
    spec: Map

    @property
    def path(self) -> str:
        """Of the manifest."""
        return self.manifest.path

    @cached_property
    def containers(self) -> list[Container]:
        """Those that run, those that prepare first among them."""
        return [
            Container(self, one, key != "containers")
            for key in ("initContainers", "containers")
            for one in sequence(self.spec.get(key))
            if isinstance(one, Map)
        ]


@dataclass(frozen=True)
class Container:
    """A container of a pod; `first` for one that ends before the others start."""

    pod: Pod
    data: Map
    first: bool

    @property
    def path(self) -> str:
        """Of the manifest."""
        return self.pod.path

    @property
    def image(self) -> str:
        """Its image; empty where there is none."""
        return str(self.data.get("image") or "")

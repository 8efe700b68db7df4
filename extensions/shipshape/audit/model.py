"""What rules are about: the parts of a repository, each with its file and lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

from .dockerfile import Dockerfile, flag, words
from .lines import Map, dig, mapping, sequence
from .objects import Container, Manifest, Pod


@dataclass(frozen=True)
class Compose:
    """A Compose file; `partial` for one that changes another or is for development alone: it may leave things out."""

    path: str
    data: Map
    partial: bool

    @cached_property
    def services(self) -> list[Service]:
        """Those that say what runs: an image, or how to build one."""
        found = mapping(self.data.get("services"))
        return [Service(self, name, data) for name, data in found.items() if isinstance(data, Map)]


@dataclass(frozen=True)
class Service:
    """A service of a Compose file."""

    file: Compose
    name: str
    data: Map

    @property
    def path(self) -> str:
        """Of the Compose file."""
        return self.file.path

    @property
    def image(self) -> str:
        """Its image, as written; empty where there is none."""
        return str(self.data.get("image") or "")

    @property
    def whole(self) -> bool:
        """Whether what it leaves out is really not there: it changes no other, and inherits from none."""
        return not self.file.partial and "extends" not in self.data and ("image" in self.data or "build" in self.data)

    @property
    def serves(self) -> bool:
        """Whether it runs all the time: one with a profile is started by hand, one that is waited for to end ends."""
        waited = (dig(other.data, "depends_on", self.name, "condition") for other in self.file.services)
        return not self.data.get("profiles") and "service_completed_successfully" not in waited

    def at(self, *keys: str) -> int:
        """The line of a key; its own where that is not there."""
        return self.data.at(*keys) if keys and keys[0] in self.data else self.line

    @property
    def line(self) -> int:
        """Where its name stands."""
        return self.file.data.at("services", self.name)


@dataclass(frozen=True)
class Workflow:
    """A workflow of GitHub Actions."""

    path: str
    data: Map

    @property
    def triggers(self) -> set[str]:
        """The events that start it."""
        on = self.data.get("on")
        return {on} if isinstance(on, str) else {str(name) for name in (on if isinstance(on, (Map, list)) else [])}

    @cached_property
    def jobs(self) -> list[Job]:
        """All its jobs."""
        found = mapping(self.data.get("jobs"))
        return [Job(self, name, data, found.lines[name]) for name, data in found.items() if isinstance(data, Map)]


@dataclass(frozen=True)
class Job:
    """A job; `line` is where its name stands."""

    workflow: Workflow
    name: str
    data: Map
    line: int

    @property
    def path(self) -> str:
        """Of the workflow."""
        return self.workflow.path

    @property
    def steps(self) -> Iterator[Map]:
        """Its steps; none where it calls another workflow."""
        return (step for step in sequence(self.data.get("steps")) if isinstance(step, Map))


@dataclass(frozen=True)
class Resource:
    """A resource of a CloudFormation template; `line` is where its name stands."""

    path: str
    name: str
    data: Map
    line: int
    template: Map

    @property
    def kind(self) -> str:
        """Such as AWS::ECS::Service."""
        return str(self.data.get("Type"))

    @property
    def properties(self) -> Map:
        """Its properties."""
        return mapping(self.data.get("Properties"))

    def at(self, *keys: str) -> int:
        """The line of a property; its own where that is not there."""
        return self.data.at("Properties", *keys) if keys and keys[0] in self.properties else self.line


@dataclass(frozen=True)
class Context:
    """What a build takes of a folder: a Dockerfile, its folder, and the ignore file that holds for it."""

    dockerfile: Dockerfile
    folder: str
    ignore_path: str  # empty where there is none
    ignore: str

    @property
    def path(self) -> str:
        """Of the ignore file, or else of the Dockerfile."""
        return self.ignore_path or self.dockerfile.path

    @property
    def broad(self) -> int:
        """The line of the first instruction that takes the whole folder; 0 where none does."""
        for one in self.dockerfile.instructions("COPY", "ADD"):
            if not flag(one, "from") and {word.rstrip("/") for word in words(one)[:-1]} & {".", "./", "*", ""}:
                return one.line
        for one in self.dockerfile.instructions("RUN"):
            for name, value in one.flags:
                sources = re.findall(r"(?:source|src|from)=([^,]*)", value)
                if name == "mount" and "type=bind" in value and set(sources) <= {".", "./"}:
                    return one.line
        return 0


@dataclass
class Repository:
    """All that was found."""

    names: list[str] = field(default_factory=list)
    dockerfiles: list[Dockerfile] = field(default_factory=list)
    contexts: list[Context] = field(default_factory=list)
    composes: list[Compose] = field(default_factory=list)
    workflows: list[Workflow] = field(default_factory=list)
    manifests: list[Manifest] = field(default_factory=list)
    resources: list[Resource] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)  # small files that a rule reads whole

    def has(self, *names: str) -> bool:
        """Whether a file of one of these names is anywhere."""
        return any(PurePosixPath(name).name in names for name in self.names)

    def pods(self) -> Iterator[Pod]:
        """Of all manifests."""
        return (pod for manifest in self.manifests if (pod := manifest.pod))

    def containers(self) -> Iterator[Container]:
        """Of all pods."""
        return (container for pod in self.pods() for container in pod.containers)

    def services(self) -> Iterator[Service]:
        """Of all Compose files."""
        return (service for file in self.composes for service in file.services)

    def jobs(self) -> Iterator[Job]:
        """Of all workflows."""
        return (job for workflow in self.workflows for job in workflow.jobs)

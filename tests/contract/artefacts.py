"""Reads the terms of the contract out of each rendered artefact."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from tests.support.aws import cloudformation


@dataclass(frozen=True)
class Terms:
    """What one artefact says of the contract; None where it has nothing to say."""

    port: int | None = None
    user: str | None = None
    read_only: bool | None = None
    writable: tuple[str, ...] | None = None
    dropped: tuple[str, ...] | None = None
    no_new_privileges: bool | None = None
    grace: int | None = None
    memory: tuple[int, int] | None = None
    cpu: tuple[float, float] | None = None
    image: str | None = None


def instruction(dockerfile: str, name: str) -> list[str]:
    """The arguments of an instruction in the last stage, lines joined."""
    last = re.split(r"^FROM ", dockerfile.replace("\\\n", " "), flags=re.MULTILINE)[-1]
    return [line.split(None, 1)[1].strip() for line in last.splitlines() if line.startswith(f"{name} ")]


def of_dockerfile(project: Path) -> Terms:
    text = (project / "Dockerfile").read_text()
    (port,), (user,) = instruction(text, "EXPOSE"), instruction(text, "USER")
    return Terms(port=int(port), user=user)


def compose(project: Path) -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((project / "docker-compose.yml").read_text())
    return parsed


def of_compose(project: Path) -> Terms:
    app = compose(project)["services"]["app"]
    (port,) = app["ports"]
    return replace(of_service(app), port=int(port.rpartition(":")[2]), image=app["image"].rpartition(":")[0])


def of_production_compose(project: Path) -> Terms:
    """What both slots say; the port is the one that the proxy passes requests on to."""
    path = project / "deploy/compose/compose.prod.yaml"
    if not path.exists():
        return Terms()
    services = yaml.safe_load(path.read_text())["services"]
    blue, green = (of_service(services[slot]) for slot in ("blue", "green"))
    assert blue == green
    (port,) = re.findall(r"reverse_proxy \S+:(\d+)", (path.parent / "Caddyfile").read_text())
    return replace(blue, port=int(port), image=services["blue"]["image"].partition("@")[0])


def of_service(app: dict[str, Any]) -> Terms:
    """What a service of a Compose file says, but for its port and image."""
    resources = app["deploy"]["resources"]
    asked, limit = resources["reservations"], resources["limits"]
    return Terms(
        read_only=app["read_only"],
        writable=tuple(app["tmpfs"]),
        dropped=tuple(app["cap_drop"]),
        no_new_privileges="no-new-privileges:true" in app["security_opt"],
        grace=int(app["stop_grace_period"].removesuffix("s")),
        memory=(int(asked["memory"].removesuffix("M")), int(limit["memory"].removesuffix("M"))),
        cpu=(float(asked["cpus"]), float(limit["cpus"])),
    )


def of_kubernetes(project: Path) -> Terms:
    path = project / "deploy/kubernetes/base/deployment.yml"
    if not path.exists():
        return Terms()
    pod = yaml.safe_load(path.read_text())["spec"]["template"]["spec"]
    (app,) = pod["containers"]
    (port,) = app["ports"]
    empty = {volume["name"] for volume in pod["volumes"] if "emptyDir" in volume}
    restricted, user = app["securityContext"], pod["securityContext"]
    asked, limit = app["resources"]["requests"], app["resources"]["limits"]
    return Terms(
        port=port["containerPort"],
        user=f"{user['runAsUser']}:{user['runAsGroup']}",
        read_only=restricted["readOnlyRootFilesystem"],
        writable=tuple(mount["mountPath"] for mount in app["volumeMounts"] if mount["name"] in empty),
        dropped=tuple(restricted["capabilities"]["drop"]),
        no_new_privileges=not restricted["allowPrivilegeEscalation"],
        grace=pod["terminationGracePeriodSeconds"] - app["lifecycle"]["preStop"]["sleep"]["seconds"],
        memory=(int(asked["memory"].removesuffix("Mi")), int(limit["memory"].removesuffix("Mi"))),
        cpu=(int(asked["cpu"].removesuffix("m")) / 1000, int(limit["cpu"].removesuffix("m")) / 1000),
        image=app["image"],
    )


def of_ecs(project: Path) -> Terms:
    path = project / "deploy/ecs/service.yml"
    if not path.exists():
        return Terms()
    resources = cloudformation.resolve(cloudformation.load(path), {})
    (container,) = resources["TaskDefinition"]["Properties"]["ContainerDefinitions"]
    (mapping,) = container["PortMappings"]
    (image,) = re.findall(r"^repository=(.+)$", (path.parent / "lib.sh").read_text(), re.MULTILINE)
    return Terms(
        port=mapping["ContainerPort"],
        user=container["User"],
        read_only=container["ReadonlyRootFilesystem"],
        writable=tuple(one["ContainerPath"] for one in container["LinuxParameters"]["Tmpfs"]),
        dropped=tuple(container["LinuxParameters"]["Capabilities"]["Drop"]),
        grace=container["StopTimeout"],
        image=image,
    )


ARTEFACTS = {
    "Dockerfile": of_dockerfile,
    "docker-compose.yml": of_compose,
    "deploy/compose": of_production_compose,
    "deploy/kubernetes": of_kubernetes,
    "deploy/ecs": of_ecs,
}

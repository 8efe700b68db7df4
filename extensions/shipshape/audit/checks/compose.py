"""Compose files: what a container may do, and what it can reach. https://docs.docker.com/reference/compose-file/services/."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..lines import Map, dig, sequence
from ..model import Service
from .registry import Judged, each, fault

check = each(lambda repository: repository.services())
whole = each(lambda repository: (one for one in repository.services() if one.whole))
running = each(lambda repository: (one for one in repository.services() if one.whole and one.serves))

SOCKET = re.compile(r"(docker|podman|containerd)\.sock")
HOST_FOLDERS = re.compile(r"/(etc|proc|sys|boot|dev|root|usr|lib|var|var/run|run|var/lib|var/lib/docker)?/?")
POWERS = {
    "ALL",
    "SYS_ADMIN",
    "SYS_MODULE",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "DAC_READ_SEARCH",
    "BPF",
    "SYS_BOOT",
    "MAC_ADMIN",
}


def volumes(service: Service) -> Iterator[tuple[int, str, bool]]:
    """Line, source, and whether it can only be read, of each volume with a source."""
    listed = sequence(service.data.get("volumes"))
    for line, one in zip(listed.lines, listed, strict=True):
        if isinstance(one, Map):
            yield line, str(one.get("source") or ""), one.get("read_only") is True
        elif ":" in str(one):
            source, *rest = str(one).split(":")
            yield line, source, "ro" in rest[-1].split(",")


def options(service: Service, key: str) -> set[str]:
    """The words of a list."""
    return {str(one) for one in sequence(service.data.get(key))}


@check("compose-privileged")
def privileged(service: Service) -> Judged:
    """No container is as mighty as the host."""
    yield service.at("privileged"), fault(service.data.get("privileged") is True, "privileged")


@check("compose-docker-socket")
def docker_socket(service: Service) -> Judged:
    """No container commands the engine."""
    for line, source, _ in volumes(service):
        yield line, fault(SOCKET.search(source), f"mounts {source}")


@check("compose-host-folder")
def host_folder(service: Service) -> Judged:
    """No container writes into the host's own folders."""
    for line, source, only_read in volumes(service):
        if source.startswith("/") and not SOCKET.search(source):
            yield line, fault(HOST_FOLDERS.fullmatch(source) and not only_read, f"mounts {source}, to write")


@check("compose-host-namespace")
def host_namespace(service: Service) -> Judged:
    """No container shares the host's network, processes or memory."""
    for key in ("network_mode", "pid", "ipc", "uts", "userns_mode"):
        if key in service.data:
            yield service.at(key), fault(service.data[key] == "host", f"{key}: host")


@check("compose-power")
def power(service: Service) -> Judged:
    """No capability is added that is as good as root on the host."""
    added = {name.upper().removeprefix("CAP_") for name in options(service, "cap_add")} & POWERS
    if "cap_add" in service.data:
        yield service.at("cap_add"), fault(added, f"adds {', '.join(sorted(added))}")


@check("compose-unconfined")
def unconfined(service: Service) -> Judged:
    """Seccomp and AppArmor stay on."""
    off = [
        one
        for one in options(service, "security_opt")
        if re.search(r"(seccomp|apparmor)[:=]unconfined|label[:=]disable", one)
    ]
    if "security_opt" in service.data:
        yield service.at("security_opt"), fault(off, ", ".join(off))


@check("compose-root")
def root(service: Service) -> Judged:
    """Nobody asks for root."""
    if "user" in service.data:
        user = str(service.data["user"])
        yield service.at("user"), fault(user.partition(":")[0] in {"0", "root"}, f"user: {user}")


@whole("compose-capabilities")
def capabilities(service: Service) -> Judged:
    """All capabilities are dropped; those that are needed are added."""
    dropped = {name.upper() for name in options(service, "cap_drop")}
    yield service.at("cap_drop"), fault("ALL" not in dropped, f"{service.name} keeps Docker's capabilities")


@whole("compose-no-new-privileges")
def no_new_privileges(service: Service) -> Judged:
    """No program with setuid gains more."""
    kept = {one.replace("=", ":").removesuffix(":true") for one in options(service, "security_opt")}
    yield service.at("security_opt"), fault("no-new-privileges" not in kept, f"{service.name} may gain privileges")


@running("compose-read-only")
def read_only(service: Service) -> Judged:
    """The file system can't be changed."""
    yield (
        service.at("read_only"),
        fault(service.data.get("read_only") is not True, f"{service.name} can write anywhere"),
    )


@running("compose-memory")
def memory(service: Service) -> Judged:
    """One container can't take all of the host's memory."""
    limit = service.data.get("mem_limit") or dig(service.data, "deploy", "resources", "limits", "memory")
    yield service.at("deploy"), fault(not limit, f"{service.name} may take all memory")


@running("compose-processes")
def processes(service: Service) -> Judged:
    """Nor all of its processes."""
    limit = service.data.get("pids_limit") or dig(service.data, "deploy", "resources", "limits", "pids")
    yield service.at("deploy"), fault(not limit, f"{service.name} may start processes without end")

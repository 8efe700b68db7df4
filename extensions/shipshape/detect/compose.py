"""What their Compose file says of the service and of what it needs: https://docs.docker.com/reference/compose-file/."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from . import compose_old, published
from .command import Place, simplify
from .compose_once import comes_before, ends, line
from .container import probed, started
from .dockerfile import expand
from .files import Repository
from .finding import Finding, Rank
from .known import IMAGES
from .parse import at, line_of, mapping, strings, yaml_mapping
from .published import image_name

# In the order in which Docker takes them.
NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")

# What a build leaves behind is no data.
_MADE = re.compile(r"(?:dist|build|out|target|coverage|venv|vendor|public)")


def path_of(repository: Repository) -> str | None:
    """Their Compose file, the one that Docker would take."""
    return repository.first(*NAMES)


def builds(repository: Repository) -> dict[str, tuple[str, str, str]]:
    """The services that are built here, and last: name to context folder, Dockerfile and target.

    Where each ends by itself, what that was concluded from says nothing: then all of them.
    """
    found = _built(repository)
    services = _services(repository, path_of(repository))
    return {name: one for name, one in found.items() if not ends(name, services, repository)} or found


def ending(repository: Repository) -> set[str]:
    """The folders of which only that is built which ends by itself."""
    lasting = builds(repository)
    return {one[0] for one in _built(repository).values()} - {one[0] for one in lasting.values()}


def _built(repository: Repository) -> dict[str, tuple[str, str, str]]:
    path = path_of(repository)
    found = {}
    for name, service in _services(repository, path).items():
        build = service.get("build")
        if build is None:
            continue
        context = _folder(build if isinstance(build, str) else at(build, "context"))
        named, target = at(build, "dockerfile"), at(build, "target")
        found[name] = (context, named if isinstance(named, str) else "", target if isinstance(target, str) else "")
    return found


def find(repository: Repository) -> Iterator[Finding]:
    """The findings of the Compose file: of the service that is built here, and of those that it needs."""
    path = path_of(repository)
    services = _services(repository, path)
    old = compose_old.reason(yaml_mapping(repository, path)) if path else ""
    if path and old and not services:
        repository.unread[path] = old
    if not path or not services:
        return
    text = repository.text(path)
    for name, service in services.items():
        image = service.get("image")
        if not isinstance(image, str) or "build" in service:
            continue
        for need in [need for need, pattern in IMAGES.items() if re.search(pattern, image)]:
            yield Finding("needs", need, path, line_of(text, name, image), "stated", Rank.CONTAINER)
    mine = own(repository)
    if mine:
        yield from _own(repository, path, mine, services[mine])
        yield from _before(repository, path, mine, services)


def _before(repository: Repository, path: str, mine: str, services: dict[str, dict[str, Any]]) -> Iterator[Finding]:
    """What runs of the same image, or the same folder, before it."""
    text, built = repository.text(path), _built(repository)
    image = image_name(services[mine].get("image"))
    for name, service in services.items():
        context, _, _ = built.get(name, ("", "", ""))
        same = context == "." or (image and image == image_name(service.get("image")))
        if name != mine and same and line(service) and comes_before(name, services, repository):
            place = line_of(text, name, "command" if service.get("command") else "entrypoint")
            yield Finding("before_start", line(service), path, place, "stated", Rank.CONTAINER)


def _own(repository: Repository, path: str, name: str, service: dict[str, Any]) -> Iterator[Finding]:
    text = repository.text(path)
    yield Finding("compose_service", name, path, line_of(text, name), "stated", Rank.CONTAINER)
    command = service.get("command")
    if isinstance(command, (str, list)) and command:
        words = command if isinstance(command, str) else [str(word) for word in command]
        found = simplify(words, Place(repository, _environment(service)))
        yield from started(found, path, line_of(text, name, "command"), Rank.CONTAINER)
    for port in _ports(service):
        line = line_of(text, name, "ports", str(port))
        yield Finding("port", port, path, line, "stated", Rank.CONTAINER)
    test = at(service, "healthcheck", "test")
    yield from probed(" ".join(strings(test)), path, line_of(text, name, "healthcheck"), Rank.CONTAINER)
    for folder in _volumes(repository, service):
        line = line_of(text, name, "volumes", folder)
        yield Finding("data_folders", folder, path, line, "stated", Rank.CONTAINER)


def own(repository: Repository) -> str | None:
    """The Compose service that is this repository's: of several that are built of one folder, the one with ports.

    Where none is built, the one whose image is this repository's: the file is for those who run it. What ends by
    itself is neither.
    """
    path = path_of(repository)
    services = _services(repository, path)
    built = {name: named for name, (context, named, _) in builds(repository).items() if context == "."}
    usual = [name for name, named in built.items() if named.removeprefix("./") in ("", "Dockerfile")]
    serving = [name for name in usual or built if services[name].get("ports") or services[name].get("expose")]
    if built:
        return next(iter(serving or usual or built))
    lasting = {name: one for name, one in services.items() if not ends(name, services, repository)}
    for names in published.of(repository, lasting, path or ""):
        called = [name for name in names if services[name].get("ports")] if len(names) > 1 else names
        if len(called) == 1:
            return called[0]
    return None


def _services(repository: Repository, path: str | None) -> dict[str, dict[str, Any]]:
    services = mapping(at(yaml_mapping(repository, path), "services")) if path else {}
    return {name: service for name, service in services.items() if isinstance(service, dict)}


def _folder(context: Any) -> str:
    text = context if isinstance(context, str) else "."
    return text.removeprefix("./").strip("/") or "."


def _environment(service: dict[str, Any]) -> dict[str, str]:
    environment = service.get("environment")
    if isinstance(environment, dict):
        return {str(key): str(value) for key, value in environment.items() if isinstance(value, (str, int))}
    pairs = [one.partition("=") for one in strings(environment)]
    return {name: value for name, mark, value in pairs if mark}


def _ports(service: dict[str, Any]) -> Iterator[int]:
    entries = [*(service.get("ports") or []), *(service.get("expose") or [])]
    for entry in entries if isinstance(entries, list) else []:
        target = at(entry, "target") if isinstance(entry, dict) else str(entry).rpartition(":")[2]
        number = str(target).removesuffix("/tcp").split("-")[0]
        if number.isdigit() and 0 < int(number) < 65536:
            yield int(number)


def _volumes(repository: Repository, service: dict[str, Any]) -> Iterator[str]:
    """Where named volumes are mounted, and folders of the host that are no source: those that no file is in."""
    for entry in service.get("volumes") or []:
        if isinstance(entry, dict) and entry.get("type") == "volume" and isinstance(entry.get("target"), str):
            yield entry["target"]
        elif isinstance(entry, str):
            source, mark, rest = expand(entry, {}).partition(":")
            target, _, mode = rest.partition(":")
            if not mark or "node_modules" in target:
                continue
            host = re.fullmatch(r"\./([A-Za-z0-9][\w-]*)/?", source)
            data = host and not repository.folder(host[1]) and not repository.has(host[1])
            data = data and not _MADE.fullmatch(host[1] if host else "") and "ro" not in mode.split(",")
            if data or re.fullmatch(r"[A-Za-z0-9][\w.-]*", source):
                yield target

"""Where a Java service listens: the settings of Spring, Quarkus and Micronaut, and their health paths."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .files import Repository
from .finding import Finding, Rank, unless
from .parse import at, line_of, yaml_mapping

_NAMES = (
    "server.port",
    "server.address",
    "server.servlet.context-path",
    "quarkus.http.port",
    "quarkus.http.host",
    "micronaut.server.port",
    "micronaut.server.host",
    "management.server.port",
    "management.endpoints.web.base-path",
)
_VALUE = re.compile(r"(?:\$\{[\w.-]+:)?(\d{2,5})\}?\s*$")


def find(repository: Repository, module: str, manifest: str | None) -> Iterator[Finding]:
    """Port, address and health path; `manifest` is the text of the module's build file."""
    folder = "" if module == "." else f"{module}/"
    settings = dict(_settings(repository, f"{folder}src/main/resources/"))
    for name in ("server.port", "quarkus.http.port", "micronaut.server.port"):
        value, path, line = settings.get(name, ("", "", 0))
        match = _VALUE.match(value)
        if match:
            yield Finding("port", int(match[1]), path, line, "stated", Rank.CONFIG)
    for name in ("server.address", "quarkus.http.host", "micronaut.server.host"):
        value, path, line = settings.get(name, ("", "", 0))
        if value in ("127.0.0.1", "localhost"):
            yield Finding("loopback", f"{name}={value}", path, line, "stated", Rank.CONFIG)
    text = manifest or ""
    build = next(
        (p for p in (f"{folder}pom.xml", f"{folder}build.gradle", f"{folder}build.gradle.kts") if repository.has(p)), ""
    )
    web = re.search(
        r"spring-boot-starter-(?:web|webflux|webmvc|jersey)|io\.quarkus|quarkus-|micronaut-http-server", text
    )
    if web:
        line = text.count("\n", 0, web.start()) + 1
        yield Finding(
            "port", 8080, build, line, "derived", Rank.FRAMEWORK, "the framework's default, and no setting of another"
        )
    yield from _health(text, build, settings)


def _health(text: str, build: str, settings: dict[str, tuple[str, str, int]]) -> Iterator[Finding]:
    actuator = re.search(r"spring-boot-starter-actuator", text)
    if actuator:
        base = settings.get("management.endpoints.web.base-path", ("/actuator", "", 0))[0].rstrip("/")
        context = settings.get("server.servlet.context-path", ("", "", 0))[0].rstrip("/")
        other = settings.get("management.server.port", ("", "", 0))[0]
        secured = "starter-security" in text
        note = "Spring Security may ask for a login there" if secured else f"on port {other}" if other else ""
        line = text.count("\n", 0, actuator.start()) + 1
        path = f"{context}{base}/health"
        if re.fullmatch(r"/[\w./~-]*", path):
            yield Finding("health", path, build, line, unless(secured or other), Rank.MANIFEST, note)
    quarkus = re.search(r"quarkus-smallrye-health", text)
    if quarkus:
        yield Finding("health", "/q/health", build, text.count("\n", 0, quarkus.start()) + 1, "derived", Rank.MANIFEST)


def _settings(repository: Repository, folder: str) -> Iterator[tuple[str, tuple[str, str, int]]]:
    """Name, value, file and line of each setting of the files for all profiles."""
    for path in (f"{folder}application.yml", f"{folder}application.yaml"):
        data, text = yaml_mapping(repository, path), repository.text(path)
        for keys in (tuple(name.split(".")) for name in _NAMES):
            value: Any = at(data, *keys)
            value = data.get(".".join(keys)) if value is None else value
            if isinstance(value, (str, int)):
                yield ".".join(keys), (str(value), path, line_of(text, *keys) or line_of(text, ".".join(keys)))
    path = f"{folder}application.properties"
    for number, line in enumerate((repository.text(path) or "").split("\n"), 1):
        match = re.match(r"\s*([\w.-]+)\s*[=:]\s*(.*?)\s*$", line)
        if match:
            yield match[1], (match[2], path, number)

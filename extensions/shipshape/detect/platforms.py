"""What the configuration of a hosting platform says: fly.toml, render.yaml, app.json, Copilot's manifest, Draft's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .command import Place, simplify
from .container import HEALTH_PATH, started
from .files import Repository
from .finding import Finding, Rank
from .parse import at, json_object, line_of, mapping, strings, toml, yaml_mapping


def find(repository: Repository) -> Iterator[Finding]:
    """The findings of all of them."""
    for one in (_fly, _render, _railway, _app_json, _copilot, _draft, _heroku):
        yield from one(repository)


def _fly(repository: Repository) -> Iterator[Finding]:
    """https://fly.io/docs/reference/configuration/."""
    data, text = toml(repository, "fly.toml"), repository.text("fly.toml")
    services = [data.get("http_service"), *_list(data.get("services"))]
    for service in services:
        yield from _port(at(service, "internal_port"), "fly.toml", line_of(text, "internal_port"))
        checks = [*_list(at(service, "checks")), *_list(at(service, "http_checks"))]
        for check in checks:
            yield from _health(at(check, "path"), "fly.toml", text, "path")
    for check in mapping(data.get("checks")).values():
        yield from _health(at(check, "path"), "fly.toml", text, "path")
    yield from _start(at(data, "processes", "app"), repository, "fly.toml", line_of(text, "processes", "app"))
    release = at(data, "deploy", "release_command")
    if isinstance(release, str):
        line = line_of(text, "release_command")
        yield Finding("before_start", release, "fly.toml", line, "stated", Rank.PROCESS)
    for mount in [data.get("mounts")] if isinstance(data.get("mounts"), dict) else _list(data.get("mounts")):
        folder = at(mount, "destination")
        if isinstance(folder, str):
            line = line_of(text, "destination")
            yield Finding("data_folders", folder, "fly.toml", line, "stated", Rank.PROCESS)


def _render(repository: Repository) -> Iterator[Finding]:
    """https://render.com/docs/blueprint-spec."""
    path = repository.first("render.yaml", "render.yml")
    text = repository.text(path) if path else None
    for service in _list(at(yaml_mapping(repository, path), "services")) if path else []:
        if at(service, "type") != "web" or at(service, "rootDir") not in (None, ".", "./"):
            continue
        yield from _start(at(service, "startCommand"), repository, str(path), line_of(text, "startCommand"))
        yield from _health(at(service, "healthCheckPath"), str(path), text, "healthCheckPath")
        return  # of several, the first


def _railway(repository: Repository) -> Iterator[Finding]:
    """https://docs.railway.com/reference/config-as-code."""
    for path, data in (
        ("railway.toml", toml(repository, "railway.toml")),
        ("railway.json", json_object(repository, "railway.json")),
    ):
        text = repository.text(path)
        yield from _start(at(data, "deploy", "startCommand"), repository, path, line_of(text, "startCommand"))
        yield from _health(at(data, "deploy", "healthcheckPath"), path, text, "healthcheckPath")


def _app_json(repository: Repository) -> Iterator[Finding]:
    """https://devcenter.heroku.com/articles/app-json-schema."""
    data, text = json_object(repository, "app.json"), repository.text("app.json")
    for need in _list(data.get("addons")):
        name = str(at(need, "plan") or need)
        for word, value in (
            ("postgres", "postgres"),
            ("redis", "redis"),
            ("mongo", "mongodb"),
            ("cloudamqp", "rabbitmq"),
        ):
            if word in name:
                yield Finding("needs", value, "app.json", line_of(text, "addons"), "stated", Rank.PROCESS)


def _copilot(repository: Repository) -> Iterator[Finding]:
    """https://aws.github.io/copilot-cli/docs/manifest/overview/."""
    for path in repository.below("copilot/*/manifest.yml", "copilot/*/manifest.yaml"):
        data, text = yaml_mapping(repository, path), repository.text(path)
        if "Service" not in str(data.get("type", "")):
            continue
        yield from _port(at(data, "image", "port"), path, line_of(text, "image", "port"))
        check = at(data, "http", "healthcheck")
        yield from _health(check if isinstance(check, str) else at(check, "path"), path, text, "healthcheck")
        command = data.get("command")
        yield from _start(command, repository, path, line_of(text, "command"))


def _draft(repository: Repository) -> Iterator[Finding]:
    """Azure's Draft keeps what was asked in a file of names and values: https://github.com/Azure/draft."""
    path = repository.first(".draft/draft.yaml", "draft.yaml")
    data = yaml_mapping(repository, path) if path else {}
    for entry in _list(data.get("dockerVariables")) + _list(data.get("deployVariables")) + _list(data.get("variables")):
        if str(at(entry, "name")).upper() in ("PORT", "SERVICEPORT"):
            value = str(at(entry, "value") or at(entry, "default", "value") or "")
            yield from _port(value, str(path), line_of(repository.text(str(path)), value))


def _heroku(repository: Repository) -> Iterator[Finding]:
    """https://devcenter.heroku.com/articles/build-docker-images-heroku-yml."""
    data, text = yaml_mapping(repository, "heroku.yml"), repository.text("heroku.yml")
    web = at(data, "run", "web")
    command = at(web, "command") if isinstance(web, dict) else web
    yield from _start(command, repository, "heroku.yml", line_of(text, "run", "web"))


def _start(command: Any, repository: Repository, path: str, line: int) -> Iterator[Finding]:
    if isinstance(command, list):
        command = strings(command)
    if command and isinstance(command, (str, list)):
        yield from started(simplify(command, Place(repository)), path, line, Rank.PROCESS)


def _port(value: Any, path: str, line: int) -> Iterator[Finding]:
    if isinstance(value, int | str) and str(value).isdigit() and 0 < int(value) < 65536:
        yield Finding("port", int(value), path, line, "stated", Rank.PROCESS)


def _health(value: Any, path: str, text: str | None, word: str) -> Iterator[Finding]:
    if isinstance(value, str) and HEALTH_PATH.match(value):
        yield Finding("health", value, path, line_of(text, word), "stated", Rank.PROCESS)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []

"""What their own Dockerfile says: the place where most start commands and ports stand."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from . import dockerfile, steps
from .command import Command, Place, simplify
from .dockerfile import Instruction, Stage
from .files import Repository
from .finding import Finding, Rank, unless

NAMES = ("Dockerfile", "Containerfile")
_FOLDERS = ("docker/", "deploy/", "build/", ".docker/", "container/", "deployment/", "packaging/", "infra/", "ops/")
# Dockerfiles of another use than to run the service: to develop, to test, to make packages of a distribution.
_OTHER = r"dev(?!op)|test|debug|local|\bci\b|debian|\brpm\b|\bdeb\b|lint|docs|\bbase\b|builder"
_PORT_SETTINGS = ("PORT", "APP_PORT", "HTTP_PORT", "SERVER_PORT", "UVICORN_PORT", "ROCKET_PORT", "FLASK_RUN_PORT")
# What an image is called whose tag says a language's version: of the tag, the group is the version.
_IMAGES = {
    "python": ("python", r"(\d+(?:\.\d+)*)"),
    "node": ("node", r"(\d+(?:\.\d+)*|lts|current)"),
    "golang": ("go", r"(\d+(?:\.\d+)*)"),
    "rust": ("rust", r"(\d+(?:\.\d+)*)"),
    "eclipse-temurin": ("java", r"(\d+)"),
    "amazoncorretto": ("java", r"(\d+)"),
    "openjdk": ("java", r"(\d+)"),
    "liberica-openjdk-alpine": ("java", r"(\d+)"),
    "zulu-openjdk": ("java", r"(\d+)"),
    "maven": ("java", r".*(?:jdk-|temurin-|corretto-|openjdk-)(\d+)"),
    "gradle": ("java", r".*jdk-?(\d+)"),
}
_MIGRATES = re.compile(r"migrat|alembic|upgrade|seed|\bdb[: ]|prisma|flyway|liquibase|loaddata|createsuperuser|setup")
_URL = re.compile(r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::[^/\s\"']*)?(/[^\s\"'`)|;,]*)?")
HEALTH_PATH = re.compile(r"^/[A-Za-z0-9._~/-]*$")


def find(repository: Repository, path: str | None = None, target: str = "") -> Iterator[Finding]:
    """The findings of one Dockerfile: that of `path`, or the one that is found; of its stage `target`, or its last."""
    path = path or chosen(repository)
    stages = dockerfile.stages(repository.text(path) or "") if path else []
    if not path or not stages:
        return
    last = _runs(stages, target)
    yield Finding("dockerfile", path, path, 0, "stated", Rank.CONTAINER)
    yield from _of_image(last, path)
    yield from _versions(stages, path)
    yield from steps.find(stages, path)
    yield from _copied(stages, last, path)
    command, place = _command(last, repository)
    yield from started(command, path, place, Rank.CONTAINER)
    yield from _ports(last, path, command)
    yield from _settings(last, path)
    for instruction in last.all("HEALTHCHECK"):
        yield from probed(last.expanded(instruction.value), path, instruction.line, Rank.CONTAINER)
    for instruction in last.all("VOLUME"):
        for folder in instruction.words or instruction.value.split():
            yield Finding("data_folders", last.expanded(folder), path, instruction.line, "stated", Rank.CONTAINER)
    workdir = last.last("WORKDIR")
    folder = last.expanded(workdir.value).rstrip("/") if workdir else ""
    if workdir and folder.startswith("/"):
        yield Finding("workdir", folder, path, workdir.line, "stated", Rank.CONTAINER)


def _runs(stages: list[Stage], target: str) -> Stage:
    """The stage of that name; else the last one that starts something, for tests and uploads may come behind it."""
    named = [stage for stage in stages if target and stage.name == target.lower()]
    starting = [stage for stage in stages if stage.last("CMD") or stage.last("ENTRYPOINT")]
    serving = [stage for stage in starting if not re.search(r"test|dev|debug|build|lint", stage.name)]
    return (named or serving or starting or stages)[-1]


def chosen(repository: Repository) -> str | None:
    """The Dockerfile that builds what runs in production, among those that are there."""
    found = every(repository)
    return next((path for path in found if not re.search(_OTHER, path, re.IGNORECASE)), None)


def every(repository: Repository) -> list[str]:
    """All Dockerfiles of the service's folder and its folders for containers, the likeliest first."""
    exact = [f"{folder}{name}" for folder in ("", *_FOLDERS) for name in NAMES]
    exact = [path for path in exact if repository.has(path)]
    folders, names = "|".join(map(re.escape, _FOLDERS)), "|".join(NAMES)
    folder = rf"(?:(?:{folders})(?:[\w.-]+/){{0,2}})?"
    pattern = re.compile(rf"{folder}(?i:(?:{names})(?:\.[\w.-]+)?|[\w.-]+\.(?:{names}))")
    variants = [p for p in repository.paths if pattern.fullmatch(p) and p not in exact]
    variants = [p for p in variants if not p.endswith(".dockerignore")]
    return exact + sorted(variants, key=lambda p: ("prod" not in p.lower(), "docker/" not in p, p.count("/"), p))


def image_version(image: str) -> tuple[str, str] | None:
    """Language and version that an image's name and tag say: `python:3.12-slim` is ("python", "3.12")."""
    name, _, tag = image.split("@", maxsplit=1)[0].rpartition("/")[2].partition(":")
    if name not in _IMAGES:
        return None
    language, pattern = _IMAGES[name]
    match = re.match(pattern, tag)
    return (language, match[1]) if match else None


def started(command: Command, path: str, line: int, rank: Rank) -> Iterator[Finding]:
    """The findings of a command that starts the service."""
    if not command.words:
        return
    path, line = command.place or (path, line)
    if command.development:
        yield Finding("development_command", command.text, path, line, "stated", rank)
        return
    note = "" if command.whole else "a shell does more there than start it"
    yield Finding("start_command", command.text, path, line, unless(not command.whole, "stated"), rank, note)
    if command.port:
        yield Finding("port", command.port, path, line, "stated", rank)
    if command.loopback:
        yield Finding("loopback", command.text, path, line, "stated", rank)
    for before in [one for one in command.before if _MIGRATES.search(one)]:
        yield Finding("before_start", before, path, line, "stated", rank)


def probed(text: str, path: str, line: int, rank: Rank) -> Iterator[Finding]:
    """The path that a health check asks, if it asks one."""
    match = _URL.search(text)
    if match and HEALTH_PATH.match(match[1] or "/"):
        yield Finding("health", match[1] or "/", path, line, "stated", rank)


def _command(stage: Stage, repository: Repository) -> tuple[Command, int]:
    workdir = stage.last("WORKDIR")
    folder = stage.expanded(workdir.value) if workdir else ""
    entry, command = stage.last("ENTRYPOINT"), stage.last("CMD")
    if entry and command and entry not in stage.instructions and command in stage.instructions:
        pass  # an ENTRYPOINT of a stage below holds; a CMD above it is set here
    elif entry and command and entry in stage.instructions and command not in stage.instructions:
        command = None  # https://docs.docker.com/reference/dockerfile/#understand-how-cmd-and-entrypoint-interact
    first = entry or command
    if not first:
        return Command(), 0
    values = stage.values()
    arguments = (command.words or []) if entry and command else []
    arguments = [dockerfile.expand(word, values) for word in arguments]
    found = simplify(_form(first), Place(repository, values, folder), arguments)
    return found, (command or first).line


def _copied(stages: list[Stage], last: Stage, path: str) -> Iterator[Finding]:
    """Where the image has what a stage before made, or the repository has: both paths, each from its WORKDIR."""
    named = {stage.name: stage for stage in stages if stage.name}
    here = _workdir(last)
    for instruction in last.all("COPY"):
        words = instruction.words or last.expanded(instruction.value).split()
        origin = dict(instruction.flags).get("from", "").lower()
        if len(words) == 2 and (not origin or origin in named):
            there = _workdir(named[origin]) if origin else "/"
            source = posixpath.relpath(posixpath.join(there, words[0]), there)
            target = posixpath.relpath(posixpath.join(here, words[1]), here)
            yield Finding("copied", (source, target), path, instruction.line, "stated", Rank.CONTAINER)


def _workdir(stage: Stage) -> str:
    found = stage.last("WORKDIR")
    return posixpath.join("/", stage.expanded(found.value)) if found else "/"


def _form(instruction: Instruction) -> str | list[str]:
    words = instruction.words
    return instruction.value if words is None else words


def _settings(stage: Stage, path: str) -> Iterator[Finding]:
    """The names of the settings that the image brings along; a value may be a secret."""
    for name, (_, line) in steps.settings(stage).items():
        yield Finding("environment", name, path, line, "stated", Rank.CONTAINER)


def _ports(stage: Stage, path: str, command: Command) -> Iterator[Finding]:
    for instruction in stage.all("ENV"):
        values = dockerfile.assignments(instruction, stage.values())
        for name in _PORT_SETTINGS:
            if values.get(name, "").isdigit():
                yield Finding("port", int(values[name]), path, instruction.line, "stated", Rank.CONTAINER)
        for name, value in values.items():
            address = re.search(r":(\d{2,5})$", value) if _ADDRESS.search(name) else None
            if address and "://" not in value:
                yield Finding("port", int(address[1]), path, instruction.line, "stated", Rank.CONTAINER)
    for instruction in stage.all("EXPOSE"):
        for word in stage.expanded(instruction.value).split():
            number = word.removesuffix("/tcp")
            if number.isdigit() and 0 < int(number) < 65536:
                yield Finding("port", int(number), path, instruction.line, "stated", Rank.CONTAINER)


def _versions(stages: list[Stage], path: str) -> Iterator[Finding]:
    for stage in stages:
        found = image_version(stage.image)
        if found:
            yield Finding(f"{found[0]}_version", found[1], path, stage.line, "stated", Rank.CONTAINER)


_ADDRESS = re.compile(r"(?:ADDR|ADDRESS|LISTEN|BIND)$")


def _of_image(stage: Stage, path: str) -> Iterator[Finding]:
    """The language of the image that runs, by the stages that it is built on."""
    below: Stage | None = stage
    while below:
        found = image_version(below.image) or image_version(f"{below.image}:0")
        if found:
            yield Finding("image_language", found[0], path, below.line, "stated", Rank.CONTAINER)
            if found[1] != "0":
                yield Finding(f"{found[0]}_version", found[1], path, below.line, "stated", Rank.CONTAINER)
            return
        below = below.base

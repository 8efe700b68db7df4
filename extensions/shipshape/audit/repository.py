"""Sorts the files of a repository into what rules are about."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from ..detect import compose_old
from . import dockerfile
from .files import Files, folder, joined, on_trial
from .lines import Map, UnreadableError, dig, load, mapping, sequence
from .model import Compose, Context, Repository, Resource, Workflow
from .objects import Manifest

_DOCKERFILE = re.compile(r"(dockerfile|containerfile)(\.[\w.-]+)?|[\w.-]+\.dockerfile", re.IGNORECASE)
# What only has such a name: a note about one, a program that writes one, a template of one.
_NO_DOCKERFILE = re.compile(
    r"\.(dockerignore|md|rst|txt|j2|jinja2?|tmpl|tpl|template|erb|ejs|hbs|exs?|go|py|js|ts|rb|rs|java|kt|cs|php|sh|json|ya?ml|toml|lock|orig|bak)$",
    re.IGNORECASE,
)
_FROM = re.compile(r"^\s*FROM\s", re.MULTILINE | re.IGNORECASE)
_COMPOSE = re.compile(r"[\w.-]*compose(\.[\w.-]+|-[\w.-]+)?\.ya?ml")
# By its name a Compose file that changes another one.
_PARTIAL = re.compile(r"[._-](override|own)[._-]")
# By its name, or its folder, a Dockerfile or Compose file to develop or to test with.
_DEVELOPMENT = re.compile(
    r"(^|[/._-])(dev|develop|development|local|debug|tests?|testing|e2e|ci|tilt|playwright|cypress)([/._-]|$)",
    re.IGNORECASE,
)
_SCRIPT = re.compile(r"[\w./-]+\.(?:sh|bash)\b")
_WORKFLOW = re.compile(r"\.github/workflows/[^/]+\.ya?ml")
_MANIFEST = re.compile(r"^[\s{-]*[\"']?apiVersion[\"']?\s*:", re.MULTILINE)
_STACK = re.compile(r"AWSTemplateFormatVersion|[\"']?Type[\"']?\s*:\s*[\"']?(AWS|Alexa)::")
_WHOLE = {
    "renovate.json", "renovate.json5", ".renovaterc", ".renovaterc.json", ".env", "dependabot.yml", "dependabot.yaml",
}  # fmt: skip


def look(root: Path) -> tuple[Repository, Files]:
    """Read what rules are about; raises RepositoryError."""
    files = Files(root)
    found = Repository(files.names)
    left = 0
    for name in files.names:
        base = PurePosixPath(name).name
        docker = bool(_DOCKERFILE.fullmatch(base)) and not _NO_DOCKERFILE.search(base)
        contained = docker or bool(_COMPOSE.fullmatch(base))
        if on_trial(name) or (contained and _DEVELOPMENT.search(name)):
            left += contained
            continue
        if base in _WHOLE:
            found.texts[name] = files.text(name)
        elif docker:
            _take_dockerfile(name, files, found)
        elif base.endswith((".yml", ".yaml", ".json", ".template")):
            try:
                _take_data(name, base, files, found)
            except UnreadableError as error:
                files.say(name, f"was not judged: {error}")
    if files.templates:
        more = f", nor were {len(files.templates) - 1} others" if len(files.templates) > 1 else ""
        text = f"is a template, and was not judged{more}: audit what they render"
        files.say(files.templates[0], text)
    _mark_listed(files, found)
    for called in sorted(_called(found) & files.known):
        found.texts[called] = files.text(called)
    found.contexts = [context for one in found.dockerfiles for context in _contexts(one, files, found)]
    if left:
        text = f"to develop or test with, and not judged: {left} of the Dockerfiles and Compose files"
        files.say(".", text)
    return found, files


def _called(found: Repository) -> set[str]:
    """The scripts that workflows call by their path."""
    runs = (str(step.get("run") or "") for job in found.jobs() for step in job.steps)
    return {joined("", name) for run in runs for name in _SCRIPT.findall(run)}


def _take_dockerfile(name: str, files: Files, found: Repository) -> None:
    if files.another(name):  # is judged under its own name
        return
    text = files.text(name)
    head = "".join(line for line in _FROM.split(text, maxsplit=1)[0].splitlines() if not line.lstrip().startswith("#"))
    if "{{" in head or "{%" in text:
        files.templates.append(name)
        return
    one = dockerfile.read(name, text)
    if one.stages:
        found.dockerfiles.append(one)


def _take_data(name: str, base: str, files: Files, found: Repository) -> None:
    if _WORKFLOW.fullmatch(name):
        for data in load(files.text(name)):
            if isinstance(data, Map) and "jobs" in data:
                found.workflows.append(Workflow(name, data))
    elif _COMPOSE.fullmatch(base):
        for data in load(files.text(name)):
            old = compose_old.reason(data)
            services = isinstance(data, Map) and isinstance(data.get("services"), Map)
            if old:
                files.say(name, old if services else f"was not judged: {old}")
            if isinstance(data, Map) and services:
                found.composes.append(Compose(name, data, bool(_PARTIAL.search(f"_{base}"))))
    elif base not in {"package.json", "package-lock.json", "tsconfig.json", "composer.lock", "pnpm-lock.yaml"}:
        text = files.text(name)
        if _STACK.search(text):
            _take_stack(name, text, found)
        elif _MANIFEST.search(text) and not base.endswith((".json", ".template")):
            _take_manifests(name, text, files, found)


def _take_stack(name: str, text: str, found: Repository) -> None:
    for data in load(text, intrinsic=True):
        resources = mapping(mapping(data).get("Resources"))
        for key, one in resources.items():
            if isinstance(one, Map) and isinstance(one.get("Type"), str):
                found.resources.append(Resource(name, key, one, resources.lines[key], data))


def _take_manifests(name: str, text: str, files: Files, found: Repository) -> None:
    if "{{" in re.sub(r"\$\{\{|[\"'].*\{\{.*[\"']", "", text) and re.search(r"^\s*(- )?\{\{", text, re.MULTILINE):
        files.templates.append(name)
        return
    try:
        documents = load(text)
    except UnreadableError:
        if "{{" in text:
            files.templates.append(name)
            return
        raise
    for data in documents:
        if not isinstance(data, Map) or not isinstance(data.get("kind"), str) or "apiVersion" not in data:
            continue
        objects = sequence(data.get("items")) if data["kind"] == "List" else [data]
        found.manifests += [Manifest(name, one) for one in objects if isinstance(one, Map)]


def _mark_listed(files: Files, found: Repository) -> None:
    """Mark what a kustomization names, and leave out what it only patches with."""
    listed: set[str] = set()
    patches: set[str] = set()
    for one in found.manifests:
        if one.kind not in {"Kustomization", "Component"} or "kustomize" not in str(one.data.get("apiVersion")):
            continue
        here = folder(one.path)
        listed |= {joined(here, str(name)) for name in sequence(one.data.get("resources"))}
        listed |= {joined(here, str(name)) for name in sequence(one.data.get("bases"))}
        patches |= {joined(here, str(name)) for name in sequence(one.data.get("patchesStrategicMerge"))}
        patches |= {joined(here, str(dig(patch, "path"))) for patch in sequence(one.data.get("patches"))}
    found.manifests = [
        Manifest(one.path, one.data, one.path in listed or folder(one.path) in listed)
        for one in found.manifests
        if one.path not in patches - {""}
    ]


def _contexts(one: dockerfile.Dockerfile, files: Files, found: Repository) -> list[Context]:
    """The folders that a Dockerfile is built from: what Compose says, else its own, or the one with an ignore file."""
    folders: set[str] = set()
    for service in found.services():
        build = service.data.get("build")
        base = joined(folder(service.path), str(build if isinstance(build, str) else dig(build, "context") or "."))
        name = str(dig(build, "dockerfile") or "Dockerfile")
        if build and joined(base, name) == one.path:
            folders.add(base)
    own = folder(one.path)
    if not folders:
        places = [own, *(str(parent) for parent in PurePosixPath(own).parents)]
        places = ["" if place == "." else place for place in places]
        near = (place for place in places if f"{place}/.dockerignore".lstrip("/") in files.known)
        folders = {next(near, own)}
    contexts = []
    for place in sorted(folders):
        names = (f"{one.path}.dockerignore", f"{place}/.dockerignore".lstrip("/"))
        ignore = next((name for name in names if name in files.known), "")
        contexts.append(Context(one, place, ignore, files.text(ignore) if ignore else ""))
    return contexts

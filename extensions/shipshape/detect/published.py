"""Under which names the repository's image is published: for a Compose file that takes it from a registry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .dockerfile import expand
from .files import Repository, git
from .parse import at, json_object, mapping, strings, toml, xml, yaml_mapping

_COMPOSE = ("*compose*.yml", "*compose*.yaml", "docker/*compose*.yml", "docker/*compose*.yaml")
_PUSHED = re.compile(r"\b(?:docker|podman|buildah)\b[^\n]*?(?:\bpush|\s--tag|\s-t)[ =]+[\"']?([^\s\"']+)")
_ACTION = re.compile(r"docker/(?:build-push|metadata|bake)-action@|redhat-actions/(?:buildah-build|push-to-registry)@")
_VALUE = re.compile(r"\$\{\{\s*(?:env|vars)\.(\w+)\s*\}\}|\$\{?(\w+)\}?")
_CONTEXT = re.compile(r"\$\{\{[^}]*\}\}")  # such as github.repository


def image_name(image: Any) -> str:
    """The last part of an image's name, without a tag and in lower case; empty where it is no text."""
    text = expand(image, {}).lower() if isinstance(image, str) else ""
    return text.rpartition("/")[2].partition("@")[0].partition(":")[0]


def of(repository: Repository, services: dict[str, dict[str, Any]], compose: str) -> Iterator[list[str]]:
    """Which of the services it may be, the surest first: built elsewhere, pushed, of its name."""
    yield [
        name
        for name, one in services.items()
        for other, image in _built(repository, compose)
        if name == other or (image and image == image_name(one.get("image")))
    ]
    for names in (set(_pushed(repository)), set(_called(repository))):
        yield [name for name, one in services.items() if image_name(one.get("image")) in names - {""}]


def _built(repository: Repository, compose: str) -> Iterator[tuple[str, str]]:
    """The services that another Compose file builds of the root, each with its image."""
    for path in [one for one in repository.below(*_COMPOSE) if one != compose]:
        for name, one in mapping(yaml_mapping(repository, path).get("services")).items():
            build = at(one, "build")
            context = build if isinstance(build, str) else at(build, "context") or "."
            root = {"", ".", "./"} if "/" not in path else {"..", "../"}
            if build and context in root:
                yield name, image_name(at(one, "image"))


def _pushed(repository: Repository) -> Iterator[str]:
    """The names of the images that their workflows build and push."""
    for path in repository.below(".github/workflows/*.yml", ".github/workflows/*.yaml"):
        workflow = yaml_mapping(repository, path)
        for job in mapping(workflow.get("jobs")).values():
            values = {**mapping(workflow.get("env")), **mapping(at(job, "env"))}
            steps = at(job, "steps")
            for step in [one for one in steps if isinstance(one, dict)] if isinstance(steps, list) else []:
                for text in _images(step):
                    yield image_name(_CONTEXT.sub(_repository(repository), _filled(text, values)))


def _filled(text: str, values: dict[str, Any]) -> str:
    """A text with the values of `env`, as GitHub fills them in and as a shell does."""
    return _VALUE.sub(lambda match: str(values.get(match[1] or match[2], match[0])), text)


def _images(step: dict[Any, Any]) -> Iterator[str]:
    if isinstance(step.get("run"), str):
        yield from _PUSHED.findall(step["run"].replace("\\\n", " ")[:20_000])
    if isinstance(step.get("uses"), str) and _ACTION.match(step["uses"]):
        for name in ("images", "image", "tags"):
            said = at(step, "with", name)
            for text in re.split(r"[\n,]", said) if isinstance(said, str) else []:
                if "/" in text and "steps." not in text:
                    yield text.strip()


def _repository(repository: Repository) -> str:
    remote = (git(repository.root, "config", "--get", "remote.origin.url") or "").strip()
    return remote.removesuffix("/").removesuffix(".git").rpartition("/")[2].lower()


def _called(repository: Repository) -> Iterator[str]:
    """What the folder, the repository and the manifests are called."""
    pom = xml(repository, "pom.xml") if repository.has("pom.xml") else None
    settings = repository.text("settings.gradle") or repository.text("settings.gradle.kts") or ""
    module = re.search(r"^module\s+(\S+)", repository.text("go.mod") or "", re.MULTILINE)
    for name in (
        repository.root.resolve().name,
        _repository(repository),
        at(toml(repository, "pyproject.toml"), "project", "name"),
        at(toml(repository, "pyproject.toml"), "tool", "poetry", "name"),
        str(json_object(repository, "package.json").get("name") or "").rpartition("/")[2],
        at(toml(repository, "Cargo.toml"), "package", "name"),
        re.sub(r"/v\d+$", "", module[1]).rpartition("/")[2] if module else "",
        pom.findtext("{*}artifactId") if pom is not None else "",
        *strings(re.findall(r"rootProject\.name\s*=\s*[\"']([\w.-]+)", settings)),
    ):
        if isinstance(name, str):
            yield name.lower()

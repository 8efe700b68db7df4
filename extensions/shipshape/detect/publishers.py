"""Workflows of theirs that push an image: with ours there are two, and the later one decides what a tag names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .files import Repository
from .finding import Finding, Rank
from .parse import at, mapping, yaml_mapping

# https://docs.docker.com/build/ci/github-actions/: actions that push if they are told to, or always; and commands.
_IF_TOLD = re.compile(r"docker/(?:build-push-action|bake-action)@")
_ALWAYS = re.compile(r"(?i)(?:redhat-actions/push-to-registry|elgohr/publish-docker-github-action)@")
_COMMAND = re.compile(
    r"(?m)^[^#\n]*?\b(?:(?:docker|podman|buildah)(?: (?:image|manifest|compose))? push\b"
    r"|docker buildx (?:build|bake)\b[^\n]*--push\b|ko (?:build|publish)\b|jib:build\b|crane push\b)"
)


def find(repository: Repository) -> Iterator[Finding]:
    """A finding for the first step of each workflow that pushes."""
    for path in repository.below(".github/workflows/*.yml", ".github/workflows/*.yaml"):
        if re.search(r"/ship-[a-z]+\.yml$", path):
            continue
        jobs = mapping(yaml_mapping(repository, path).get("jobs"))
        steps = [step for job in jobs.values() for step in _list(at(job, "steps")) if isinstance(step, dict)]
        said = next(filter(None, map(_pushes, steps)), None)
        if said:
            text = repository.text(path) or ""
            line = text.count("\n", 0, max(text.find(said), 0)) + 1
            yield Finding("publisher", path, path, line, "stated", Rank.CONFIG)


def _pushes(step: dict[Any, Any]) -> str | None:
    """The words of a step that push an image, as the file has them."""
    action, command = step.get("uses"), step.get("run")
    if isinstance(action, str):
        told = at(step, "with", "push") not in (None, False, "false", "")
        return action if _ALWAYS.match(action) or (_IF_TOLD.match(action) and told) else None
    found = _COMMAND.search(command) if isinstance(command, str) else None
    return found[0].strip() if found else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []

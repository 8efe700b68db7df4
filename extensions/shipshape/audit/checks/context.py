"""Ignore files: what a build gets to see. https://docs.docker.com/build/concepts/context/#dockerignore-files."""

from __future__ import annotations

from ..dockerignore import excludes
from ..model import Context, Repository
from .registry import Judged, each, fault


def broad(repository: Repository) -> list[Context]:
    """The builds that take a whole folder: for who names each file, an ignore file only saves time."""
    return [context for context in repository.contexts if context.broad]


check = each(broad)


@check("ignore-missing")
def missing(context: Context) -> Judged:
    """There is one."""
    yield (
        1 if context.ignore_path else context.dockerfile.stages[0].line,
        fault(not context.ignore_path, "takes the whole folder, without a .dockerignore"),
    )


@check("ignore-history")
def history(context: Context) -> Judged:
    """The history stays out."""
    if context.ignore_path and not context.folder:
        yield 1, fault(not excludes(context.ignore, ".git/config"), "lets .git in")


@check("ignore-secrets")
def secrets(context: Context) -> Judged:
    """Local settings stay out."""
    if context.ignore_path:
        yield 1, fault(not excludes(context.ignore, ".env"), "lets .env in")

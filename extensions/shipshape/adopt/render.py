"""Copier's part: a template's files into a working tree, and one path from theirs to ours or back."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from copier import VcsRef, run_copy, run_update

from .branch import commit, names, run
from .stop import StopError


@dataclass(frozen=True)
class Service:
    """A service in a working tree: its folder below the repository's root, `.` for the root, and its answers file."""

    tree: Path
    folder: str
    answers_file: str

    def answers(self) -> dict[str, Any]:
        """What its answers file holds; StopError where there is none."""
        path = self.tree / self.answers_file
        try:
            data = yaml.safe_load(path.read_text())
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise StopError("blocked", f"{self.answers_file} can't be read: adopt the service first") from error
        if not isinstance(data, dict) or "_src_path" not in data:
            raise StopError("blocked", f"{self.answers_file} is no answers file of Copier's")
        return data

    def path(self, kept: str) -> str:
        """A kept path as seen from the repository's root."""
        return kept if self.folder == "." or kept.startswith((".github/", "renovate")) else f"{self.folder}/{kept}"


def copy(service: Service, template: str, answers: dict[str, Any], ref: str | None) -> None:
    """Render the template with these answers, every other question by its default."""
    _quietly(
        lambda: run_copy(
            template,
            service.tree,
            answers,
            answers_file=service.answers_file,
            vcs_ref=ref,
            defaults=True,
            overwrite=True,
            quiet=True,
        )
    )


def keep(service: Service, path: str, answers: dict[str, Any]) -> None:
    """Make a path theirs, with the text that it has now; what depends on that follows. Commits.

    `answers` are those that are other ones when the path is theirs.

    An update would delete a path that is no longer rendered, and meet their edits in it: it is put aside meanwhile.
    """
    there = service.tree / service.path(path)
    text, mode = there.read_bytes(), there.stat().st_mode
    before = _put_aside(service, path)
    _update(service, answers | {"kept": [*_kept(service), path]})
    there.parent.mkdir(parents=True, exist_ok=True)
    there.write_bytes(text)
    there.chmod(mode)
    _as_one(service, before, f"Keep {path}: it is ours from now on, and updates of the template leave it alone")


def take(service: Service, path: str, answers: dict[str, Any]) -> None:
    """Make a path the template's: their text stays in history, in the commit before. Commits.

    `answers` are those of questions that were not asked while the path was theirs, such as what starts it.
    """
    before = _put_aside(service, path)
    _update(service, answers | {"kept": [one for one in _kept(service) if one != path]})
    if not (service.tree / service.path(path)).exists():
        raise StopError("blocked", f"the template renders no {path}")
    _as_one(service, before, f"Take {path} from the template, which brings it forward from now on")


def _kept(service: Service) -> list[str]:
    kept = service.answers().get("kept")
    return [str(one) for one in kept] if isinstance(kept, list) else []


def _put_aside(service: Service, path: str) -> str:
    """Remove a path in a commit that is gone in the end; returns the commit before."""
    before = run(service.tree, "rev-parse", "HEAD").strip()
    (service.tree / service.path(path)).unlink(missing_ok=True)
    commit(service.tree, f"Put {path} aside")
    return before


def _as_one(service: Service, before: str, message: str) -> None:
    run(service.tree, "reset", "--quiet", "--soft", before)
    commit(service.tree, message)


def _update(service: Service, answers: dict[str, Any]) -> None:
    _quietly(
        lambda: run_update(
            service.tree,
            answers,
            answers_file=service.answers_file,
            vcs_ref=VcsRef.CURRENT,
            defaults=True,
            overwrite=True,
            quiet=True,
        )
    )
    conflicts = names(service.tree, "ls-files", "--unmerged", "-z")
    if conflicts:
        raise StopError("blocked", f"{conflicts[0].partition(chr(9))[2]} was edited where this would change it")


def _quietly(work: Callable[[], object]) -> None:
    """Copier's errors as one line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            work()
    except Exception as error:
        line = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", str(error)).split()) or type(error).__name__
        raise StopError("blocked", f"the template can't be rendered: {line}") from error

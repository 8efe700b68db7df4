"""When a repository is not touched: the state that Git is in, and what reading it has shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..detect import Refusal, Report
from ..detect.files import git


def of_git(folder: Path) -> Refusal | None:
    """Why nothing could be written on a branch of its own, if so."""
    root = git(folder, "rev-parse", "--show-toplevel")
    if root is None:
        return Refusal("no_git", f"{folder} is not in a Git repository: git init, and commit what is there")
    if git(folder, "rev-parse", "--verify", "HEAD") is None:
        return Refusal("no_git", f"{folder} has no commit yet: git add --all && git commit")
    changed = [line[3:] for line in (git(folder, "status", "--porcelain", "-z") or "").split("\0") if line]
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        return Refusal("dirty", f"there are changes that are not committed ({changed[0]}{more}): commit or stash them")
    return None


# What an answer settles: the reason, and the question.
_SETTLED = {"version": "language_version", "two_locks": "manager", "library": "start_command", "workspace": "manager"}


def refusal(folder: Path, report: Report, said: dict[str, Any], *, own_image: bool) -> Refusal | None:
    """The first reason why this service is not adopted, but for those that an answer of its owner's settles.

    While their Dockerfile stays, it says the version: one that no image of ours has is in nobody's way.
    """
    standing = [one for one in report.refusals if _SETTLED.get(one.reason) not in said]
    standing = [one for one in standing if not (own_image and one.reason == "version")]
    return next(iter(standing), None) or of_git(folder)

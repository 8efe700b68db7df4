"""Proves that nothing of the owner's was lost: by hashes, by their ignore rules, and by names."""

from __future__ import annotations

import re
from pathlib import Path

from .branch import names, run
from .stop import StopError

# Names that mean the same: of each, a folder has one.
_SAME = [
    r"(docker-)?compose\.ya?ml",
    r"readme(\.\w+)?",
    r"licen[sc]e([-.]\w+)?",
    r"change(s|log)(\.\w+)?",
    r"(dockerfile|containerfile)",
    r"(dockerfile)?\.dockerignore",
    r"(renovate\.json5?|\.renovaterc(\.json5?)?)",
    r"dependabot\.ya?ml",
    r"(gnu)?makefile",
]


def prove(tree: Path, base: str, declared: set[str]) -> list[str]:
    """Compare the branch with the commit that it began from; returns the paths that are new.

    `declared` are the owner's paths that may have changed. StopError names the first that did and should not have.
    """
    changes = names(tree, "diff", "--name-status", "--no-renames", "-z", base, "HEAD")
    pairs = list(zip(changes[::2], changes[1::2], strict=True))
    touched = sorted(path for state, path in pairs if state != "A" and path not in declared)
    if touched:
        raise StopError("proof", f"{touched[0]} would be another one than before: rename it, or keep it")
    new = [path for state, path in pairs if state == "A"]
    before = names(tree, "ls-tree", "-r", "-z", "--name-only", base)
    for path in new:
        twin = _twin(path, before)
        if twin and twin not in declared:
            raise StopError("proof", f"{path} would stand beside {twin}, which means the same")
    hidden = _hidden(tree, new)
    if hidden:
        raise StopError("proof", f"your rules ignore {hidden[1]} ({hidden[0]}): change that rule first")
    return new


def _twin(path: str, before: list[str]) -> str | None:
    folder, _, name = path.rpartition("/")
    pattern = next((one for one in _SAME if re.fullmatch(one, name, re.IGNORECASE)), None)
    there = [one for one in before if one.rpartition("/")[0] == folder] if pattern else []
    return next((one for one in there if re.fullmatch(pattern or "", one.rpartition("/")[2], re.IGNORECASE)), None)


def _hidden(tree: Path, new: list[str]) -> tuple[str, str] | None:
    """A file that was rendered and that a rule of theirs keeps out of Git: the rule's place, and the path.

    A `.gitignore` of ours hides its own folder. Where a rule of theirs does so already, as GitHub's for Python do with
    `.cache`, nothing is lost.
    """
    for path in names(tree, "ls-files", "--others", "--ignored", "--exclude-standard", "-z"):
        if path.rpartition("/")[2] == ".gitignore":
            continue
        rule = run(tree, "check-ignore", "--verbose", "--", path).split("\t")[0]
        if rule.split(":")[0] not in new:
            return rule, path
    return None

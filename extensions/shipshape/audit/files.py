"""The files of a repository that rules are about: read within bounds, and never out of it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..detect.files import Repository

# What others wrote, or a tool made.
FOREIGN = {
    ".git", ".hg", ".svn", ".venv", "venv", "node_modules", "vendor", "third_party", "site-packages", ".tox", ".nox",
    ".terraform", ".cache", "__pycache__", "bower_components", ".gradle", ".yarn", "cdk.out",
}  # fmt: skip
# Folders of what is tried out or shown, and does not run in production: a word of the name, or all of it.
TRIALS = re.compile(
    r"(^|/)([\w.]*[-_.])?(tests?|testing|testdata|e2e|fixtures?|mocks?|playwright|cypress|devcontainer)([-_.][\w.-]*)?/"
    r"|(^|/)[._]?(specs?|examples?|samples?|demos?|docs?|documentation|benchmarks?|hack|playground|packaging|archived?)/",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Notice:
    """What the report says of a file beside its findings; `line` 0 where it is about the whole file."""

    path: str
    text: str
    line: int = 0


class RepositoryError(Exception):
    """The folder can't be looked at; one line that says what was expected."""


class Files:
    """The files below a folder, by path: what Git has or would take, without what others wrote."""

    def __init__(self, root: Path) -> None:
        """Raise RepositoryError where there is no such folder."""
        if not root.is_dir():
            raise RepositoryError(f"{root} is no folder: name the root of a repository")
        self._read = Repository(root)
        self._notices: list[Notice] = []
        self.names = sorted(name for name in self._read.paths if FOREIGN.isdisjoint(name.split("/")[:-1]))
        self.known = set(self.names)
        self.templates: list[str] = []  # of manifests, which only a tool can fill in

    def text(self, name: str) -> str:
        """A file's text, bytes that are no UTF-8 replaced; empty, with a notice, where it can't be read."""
        return self._read.text(name) or ""

    def another(self, name: str) -> bool:
        """Whether a name is a link to another file of the repository that is known."""
        there = self._read.root / name
        if not there.is_symlink():
            return False
        try:
            return there.resolve().relative_to(self._read.root.resolve()).as_posix() in self.known
        except (OSError, RuntimeError, ValueError):  # a link to itself, or out of the repository
            return False

    def say(self, path: str, text: str) -> None:
        """Add to what the report says beside its findings."""
        self._notices.append(Notice(path, text))

    @property
    def notices(self) -> list[Notice]:
        """What was said, and which files could not be read."""
        return [*(Notice(path, f"was not read: {why}") for path, why in self._read.unread.items()), *self._notices]


def on_trial(name: str) -> bool:
    """Whether a file belongs to tests, examples or documentation."""
    return bool(TRIALS.search(name))


def folder(name: str) -> str:
    """The folder that a file is in; empty for the repository's root."""
    parent = str(PurePosixPath(name).parent)
    return "" if parent == "." else parent


def joined(base: str, relative: str) -> str:
    """A path below the root, from one that is meant from a folder of it; empty for the root, and for what is outside.

    A variable, or an address, is none: empty too.
    """
    if "$" in relative or "://" in relative:
        return ""
    path = os.path.normpath(f"{base}/{relative}" if base else relative).replace(os.sep, "/")
    return "" if path == "." or path.startswith(("..", "/")) else path

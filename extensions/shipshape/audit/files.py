"""Finds and reads the files of a repository that rules are about: bounded, and never out of it."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pathspec import GitIgnoreSpec

LIMIT = 1024 * 1024  # bytes of a file
FILES = 50_000  # names of a repository
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
    """The files below a folder, by path; links, and what the repository ignores, are left out."""

    def __init__(self, root: Path) -> None:
        """Raise RepositoryError where there is no such folder, or where it has too many files."""
        if not root.is_dir():
            raise RepositoryError(f"{root} is no folder: name the root of a repository")
        self.root = root
        self.notices: list[Notice] = []
        self.names: list[str] = []
        self.links: set[str] = set()
        self.templates: list[str] = []  # of manifests, which only a tool can fill in
        self.ignored = GitIgnoreSpec.from_lines([])
        if root.joinpath(".gitignore").is_file():
            self.ignored = GitIgnoreSpec.from_lines(self.text(".gitignore").splitlines())
        for name in self._walk(""):
            self.names.append(name)
            if len(self.names) > FILES:
                raise RepositoryError(f"{root} has more than {FILES:,} files: name the folder of one service")
        self.names.sort()
        self.known = set(self.names)

    def _walk(self, folder: str) -> Iterator[str]:
        waiting = [folder]
        while waiting:
            here = waiting.pop()
            try:
                entries = sorted(os.scandir(self.root / here), key=lambda entry: entry.name)
            except OSError as error:
                self.notices.append(Notice(here or ".", f"can't be looked into: {error.strerror}"))
                continue
            for entry in entries:
                name = f"{here}/{entry.name}" if here else entry.name
                if entry.is_symlink():
                    self.links.add(name)
                elif entry.is_dir(follow_symlinks=False):
                    if entry.name not in FOREIGN and not self.ignored.match_file(f"{name}/"):
                        waiting.append(name)
                elif entry.is_file(follow_symlinks=False) and not self.ignored.match_file(name):
                    yield name

    def text(self, name: str) -> str:
        """A file's text, bytes that are no UTF-8 replaced; empty, with a notice, where it can't be read."""
        path = self.root / name
        try:
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    self.notices.append(Notice(name, "is no file"))
                    return ""
                content = file.read(LIMIT + 1)
        except OSError as error:
            self.notices.append(Notice(name, f"can't be read: {error.strerror}"))
            return ""
        if len(content) > LIMIT:
            self.notices.append(Notice(name, "has more than 1 MiB, and was not read"))
            return ""
        return content.decode("utf-8", errors="replace")


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

"""Reads a repository that may be hostile: bounded, without leaving it, and without running anything of it."""

from __future__ import annotations

import os
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

LIMIT = 1 << 20  # bytes of one file
MOST = 50_000  # files of one repository
_SKIPPED = {".git", "node_modules", "vendor", ".venv", "venv", "__pycache__", "target", ".gradle", ".tox", ".next"}
# A repository's own configuration may name programs that Git would run: none of them is.
# https://git-scm.com/docs/git-config#Documentation/git-config.txt-corefsmonitor
GIT = ("git", "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")

Progress = Callable[[str], None]


class Repository:
    """The files of one service's folder; paths are relative to it, with slashes.

    Nothing raises: a file that can't be read is `None`, and `unread` says why. `progress`, if given, is called with a
    line at most once a second, when reading has taken longer than that.
    """

    def __init__(self, root: Path, progress: Progress | None = None) -> None:
        """List the files; none is read yet."""
        self.root = root
        self.unread: dict[str, str] = {}
        self._progress = progress
        self._told = time.monotonic()
        self._texts: dict[str, str | None] = {}
        self.paths = sorted(self._listed(), key=lambda path: (path.count("/"), path))
        self._there = set(self.paths)

    def has(self, path: str) -> bool:
        """Whether a file of this path is there (not a folder)."""
        return path in self._there

    def first(self, *paths: str) -> str | None:
        """The first of the paths that is there."""
        return next((path for path in paths if path in self._there), None)

    def folder(self, path: str) -> bool:
        """Whether a file lies below this folder."""
        return any(one.startswith(f"{path}/") for one in self.paths)

    def below(self, *patterns: str) -> list[str]:
        """The files that match a pattern from the root, such as `cmd/*/main.go`; shallow ones first."""
        return [p for p in self.paths if any(_matches(p, pattern) for pattern in patterns)]

    def named(self, *names: str) -> list[str]:
        """The files of a name, in any folder; shallow ones first."""
        return [p for p in self.paths if p.rsplit("/", 1)[-1] in names]

    def text(self, path: str) -> str | None:
        """A file's text, without byte order mark and with line feeds alone; None where it can't be read."""
        if path not in self._texts:
            self._texts[path] = self._text(path) if path in self._there else None
            self._tell(f"reading: {len(self._texts)} of {len(self.paths)} files")
        return self._texts[path]

    def _text(self, path: str) -> str | None:
        data, reason = read(self.root, path)
        if data is None:
            self.unread[path] = reason
            return None
        text, reason = decode(data)
        if reason:
            self.unread[path] = reason
        return text

    def _listed(self) -> Iterator[str]:
        for count, path in enumerate(_tracked(self.root) or _walked(self.root)):
            if count == MOST:
                self.unread["."] = f"more than {MOST} files: the rest was not looked at"
                return
            self._tell(f"reading: {count} files found")
            yield path

    def _tell(self, line: str) -> None:
        if self._progress and time.monotonic() - self._told > 1:
            self._told = time.monotonic()
            self._progress(line)


def read(root: Path, path: str) -> tuple[bytes | None, str]:
    """The bytes of a regular file inside of `root`, or None and the reason."""
    there = root / path
    try:
        real = there.resolve(strict=True)
        if not real.is_relative_to(root.resolve()):
            return None, "a link that leads out of the repository: not followed"
        # Without waiting for a writer, where it is a named pipe.
        descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except (OSError, RuntimeError, ValueError) as error:
        return None, _reason(error)
    with os.fdopen(descriptor, "rb") as file:
        state = os.fstat(descriptor)
        if stat.S_ISDIR(state.st_mode):
            return None, "a folder, where a file was expected"
        if not stat.S_ISREG(state.st_mode):
            return None, "not a regular file"
        if state.st_size > LIMIT:
            return None, f"{state.st_size / LIMIT:.1f} MiB, more than the 1 MiB that is read"
        return file.read(LIMIT), ""


def decode(data: bytes) -> tuple[str, str]:
    """Text of bytes, and what was wrong with them, if anything."""
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):  # what PowerShell's `pip freeze > requirements.txt` writes, and pip reads
            return data.decode(encoding, errors="replace").replace("\r\n", "\n"), "UTF-16, where UTF-8 was expected"
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n"), ""
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return data.decode("utf-8-sig", errors="replace").replace("\r\n", "\n"), f"not UTF-8 in line {line}"


def git(root: Path, *arguments: str) -> str | None:
    """What a command of Git's says, None where it fails or is missing; it runs nothing that the repository names."""
    try:
        done = subprocess.run(
            [*GIT, "-C", str(root), *arguments],
            capture_output=True,
            check=False,
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0"},
        )
    except OSError:  # there is no Git
        return None
    return done.stdout.decode(errors="surrogateescape") if done.returncode == 0 else None


def _tracked(root: Path) -> list[str]:
    """What Git tracks below the folder and what it would: not what the repository's rules ignore."""
    listed = git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return sorted({path for path in (listed or "").split("\0") if path and not _skipped(path)})


def _walked(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root, followlinks=False):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(names):
            yield Path(folder, name).relative_to(root).as_posix()


def _skipped(path: str) -> bool:
    return not _SKIPPED.isdisjoint(path.split("/")[:-1])


def _matches(path: str, pattern: str) -> bool:
    return path.count("/") == pattern.count("/") and PurePosixPath(path).match(pattern)


def _reason(error: Exception) -> str:
    if isinstance(error, PermissionError):
        return "not readable for you"
    if isinstance(error, FileNotFoundError):
        return "a link to nothing, or deleted"
    if isinstance(error, RuntimeError) or "symbolic links" in str(error):
        return "a link to itself"
    return str(error)

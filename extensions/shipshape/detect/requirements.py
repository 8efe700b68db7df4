"""Which of their files of requirements an image installs: pip has no lock file, and a name for production alone."""

from __future__ import annotations

import posixpath
import re

from .files import Repository

_FILE = re.compile(r"(?:[\w-]*requirements[^/]*|constraints[^/]*)\.(?:txt|in)$")
_INCLUDED = re.compile(r"\s*(?:-r|--requirement|-c|--constraint)[\s=]+(\S+)")
_MOST = 20


def included(repository: Repository, path: str) -> list[str]:
    """A file of requirements, and those of the repository that it names with -r or -c, in the order of mention."""
    found = [path]
    for one in found:
        for line in (repository.text(one) or "").split("\n"):
            match = _INCLUDED.match(line)
            other = posixpath.normpath(posixpath.join(posixpath.dirname(one), match[1])) if match else ""
            if other not in found and repository.has(other) and len(found) < _MOST:
                found.append(other)
    return found


def for_image(repository: Repository, path: str, top: list[str]) -> list[str]:
    """What is at the top, with the files that are installed from first, and without those for development."""
    needed = included(repository, path)
    rest = [name for name in top if name not in needed and not (_FILE.match(name) and repository.has(name))]
    return sorted(needed + rest) if path == "requirements.txt" else needed + rest  # that name is known to be the first

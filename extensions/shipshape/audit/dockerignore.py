"""Whether a path gets into a build: https://docs.docker.com/build/concepts/context/#dockerignore-files."""

from __future__ import annotations

import re
from functools import cache


def excludes(text: str, path: str) -> bool:
    """Whether a .dockerignore with this text keeps a path out; the last pattern that fits decides."""
    out = False
    for row in text.removeprefix("\ufeff").splitlines():
        pattern = row.strip()
        if not pattern or pattern.startswith("#"):
            continue
        back = pattern.startswith("!")
        pattern = pattern.removeprefix("!").strip().strip("/").removeprefix("./")
        if pattern and _regex(pattern).fullmatch(path):
            out = not back
    return out


@cache
def _regex(pattern: str) -> re.Pattern[str]:
    """Of a pattern in the form of Go's filepath.Match, with `**`; it fits whatever lies below, too."""
    parts = []
    for part in re.split(r"(\*\*/?|\*|\?)", pattern):
        known = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
        parts.append(known.get(part, re.escape(part)))
    return re.compile("".join(parts) + "(?:/.*)?")

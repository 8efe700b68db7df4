"""What a Procfile says: https://devcenter.heroku.com/articles/procfile."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .command import Place, simplify
from .container import started
from .files import Repository
from .finding import Finding, Rank

_LINE = re.compile(r"\s*([A-Za-z_][\w-]*):\s*(.+)")


def find(repository: Repository) -> Iterator[Finding]:
    """The web process is what is started; `release` is what runs before a new version, and is told."""
    for number, line in enumerate((repository.text("Procfile") or "").split("\n"), 1):
        match = _LINE.match(line)
        if match and match[1] == "web":
            command = simplify(match[2].strip(), Place(repository))
            yield from started(command, "Procfile", number, Rank.PROCESS)
        elif match and match[1] == "release":
            yield Finding("before_start", match[2].strip(), "Procfile", number, "stated", Rank.PROCESS)
        elif match:
            yield Finding("other_processes", match[1], "Procfile", number, "stated", Rank.PROCESS)

"""Reads the template: its questions and its tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import yaml

Answers = dict[str, Any]
_ROWS = re.compile(r"in (\w+)\.items\(\)")


class _Loader(yaml.SafeLoader):
    """Knows Copier's `!include`: https://copier.readthedocs.io/en/stable/configuring/#include-other-yaml-files."""


def _documents(path: Path) -> list[Any]:
    return [document for document in yaml.load_all(path.read_text(), _Loader) if document]


@dataclass(frozen=True)
class Template:
    """A checkout of the template; `root` is the folder that holds `copier.yml`."""

    root: Path

    def entries(self) -> dict[str, Any]:
        """Everything that copier.yml says and includes, in its order: settings (`_…`), tables and questions."""
        return _entries(self.root)

    def questions(self) -> dict[str, dict[str, Any]]:
        """What a user is asked, in order: name to Copier's description of the question."""
        return {
            name: entry
            for name, entry in self.entries().items()
            if not name.startswith("_") and entry.get("when") is not False
        }

    def table(self, name: str) -> dict[str, Any]:
        """The rows of one table, such as `languages`; KeyError where there is none of that name."""
        rows: dict[str, Any] = self.entries()[name]["default"]
        return rows

    def choices(self) -> dict[str, str]:
        """The questions whose choices are the rows of a table: question to table."""
        found = {name: _ROWS.search(str(entry.get("choices"))) for name, entry in self.questions().items()}
        return {name: match[1] for name, match in found.items() if match}

    def combinations(self) -> Iterator[Answers]:
        """Sets of answers in which every two rows of the tables meet: language, version, registry, orchestrator.

        No file depends on more than two of them, so that all of a third with all of them shows nothing new. An
        orchestrator that takes images from some registries alone meets each language, in its first version.
        """
        versions = [(name, v) for name, row in self.table("languages").items() for v in row["versions"]]
        firsts = {name: row["versions"][0] for name, row in self.table("languages").items()}
        rows = self.table("orchestrators").items()
        free = [name for name, row in rows if not row["registries"]]
        for (first, (language, version)), (second, registry) in product(
            enumerate(versions), enumerate(self.table("registries"))
        ):
            bound = [name for name, row in rows if registry in row["registries"] and version == firsts[language]]
            orchestrators = bound or free
            yield {
                "language": language,
                "language_version": version,
                "registry": registry,
                "orchestrator": orchestrators[(first + second) % len(orchestrators)],
            }


def _merged(documents: list[Any]) -> dict[str, Any]:
    return {name: entry for document in documents for name, entry in document.items()}


@cache
def _entries(root: Path) -> dict[str, Any]:
    def include(loader: yaml.Loader, node: yaml.ScalarNode) -> dict[str, Any]:
        return _merged(_documents(root / str(loader.construct_scalar(node))))

    _Loader.add_constructor("!include", include)
    return _merged(_documents(root / "copier.yml"))

"""Reads tests/expectations.yml: what the tests expect of the template's tables and questions."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parents[1] / "expectations.yml"
Row = dict[str, Any]


@cache
def rows(kind: str) -> dict[str, Row]:
    """All rows of a kind, such as `registry`, by name."""
    found: dict[str, Row] = yaml.safe_load(FILE.read_text())[kind]
    return found


def expected(kind: str, name: str) -> Row:
    """What is expected of one row; AssertionError, with what to write, where nobody has said so yet."""
    if name not in rows(kind):
        columns = sorted({column for row in rows(kind).values() for column in row})
        raise AssertionError(f"tests/{FILE.name} has no row for {kind} {name}: add one, with {', '.join(columns)}")
    return rows(kind)[name]

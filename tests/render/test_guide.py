"""docs/guide.md names files that are rendered, and tests that are there."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.services.repository import add
from tests.support.paths import ROOT
from tests.support.render import COMBINATIONS
from tests.support.render.answers import KUBERNETES, LAMBDA, MACHINES

GUIDE = ROOT / "docs/guide.md"
ROW = re.compile(r"^\| (?P<asked>.+?) \| `(?P<file>[^`|]+)` \| `(?P<test>tests/[^`|]+)` \|$", re.MULTILINE)
ROWS = [match.groupdict() for match in ROW.finditer(GUIDE.read_text())]


def test_each_row_is_read() -> None:
    """A row in another form would be looked at by nobody."""
    text = GUIDE.read_text().partition("## Not rendered")[0]
    rows = [line for line in text.splitlines() if line.startswith("| ") and "| test |" not in line]
    assert len(rows) == len(ROWS) > 40


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["asked"])
def test_the_test_is_there(row: dict[str, str]) -> None:
    path, _, name = row["test"].partition("::")
    assert f"\ndef {name}(" in (ROOT / path).read_text()


def test_the_files_are_rendered(rendered: Callable[[Answers], Path], plain_template: Path, tmp_path: Path) -> None:
    """By one combination of answers or another, or in a repository of several services."""
    for name in ("orders", "payments"):
        add(plain_template, tmp_path, name)
    missing = {row["file"] for row in ROWS}
    every = [*COMBINATIONS, *KUBERNETES, *LAMBDA, *MACHINES]
    for folder in (tmp_path, tmp_path / "services/orders", *map(rendered, every)):
        missing -= {file for file in missing if (folder / file).is_file()}
    assert not missing

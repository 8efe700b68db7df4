"""Repositories in the style of real ones, and what is read in each: `cases/LANGUAGE.yml`.

A case has `files` (path to text), `facts` (fact to value, or `VALUE @ path:line` where the place matters), and `open`:
all questions that its owner must be asked, none by default. `refused` is the reason why it is not adopted, and `said` a
part of the line that says so; `notes`, parts of other lines.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from shipshape.adopt.answers import answers
from shipshape.detect import detect

from tests.detect.conftest import write

CASES: dict[str, dict[str, Any]] = {
    f"{path.stem}-{name}": case
    for path in sorted(Path(__file__).parent.glob("cases/*.yml"))
    for name, case in yaml.safe_load(path.read_text()).items()
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_read_is_what_a_person_would_say(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    report = detect(write(tmp_path / "service", case["files"]))
    found: dict[str, Any] = {}
    for fact, expected in case.get("facts", {}).items():
        finding = report.facts.get(fact)
        placed = isinstance(expected, str) and " @ " in expected
        found[fact] = f"{finding.value} @ {finding.place}" if finding and placed else finding and finding.value
    assert found == case.get("facts", {}), report.facts
    assert [one.reason for one in report.refusals] == ([case["refused"]] if "refused" in case else [])
    assert case.get("said", "") in "".join(one.message for one in report.refusals)
    if "language" in report.facts:
        assert {one.name for one in answers(report) if one.open} == set(case.get("open", [])), report.facts
    for text in case.get("notes", []):
        assert any(text in note for note in report.notes), report.notes

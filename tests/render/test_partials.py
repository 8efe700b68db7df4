"""Partials lie at QUESTION/ANSWER/SLOT; what no answer chooses lies in shared/."""

import re
from pathlib import Path

import pytest

from tests.support.expectations import rows
from tests.support.paths import ROOT
from tests.support.render import TEMPLATE

PARTIALS = ROOT / "template/partials"
FILES = sorted(path.relative_to(PARTIALS) for path in PARTIALS.rglob("*") if path.is_file())
INCLUDE = re.compile(r"\{%-?\s*(?:include|import|from|extends)\b(.*?)-?%\}")
CHOSEN = re.compile(r"'template/partials/(\w+)/' ~ (\w+) ~ '/([^']+)'")
FIXED = re.compile(r"'template/partials/([^']+)'")


def answers(question: str) -> set[str]:
    """What a question, or an answer that is computed from another or a row of it, can be answered with."""
    if table := TEMPLATE.choices().get(question):
        return set(TEMPLATE.table(table))
    default = TEMPLATE.entries()[question]["default"]
    if one_of_two := re.fullmatch(r"\{\{ '([\w-]+)' if .+ else '([\w-]+)' \}\}", default):
        return set(one_of_two.groups())
    (table, column) = re.findall(r"\{\{ (\w+)\[\w+\]\.(\w+) \}\}", default)[0]
    return {row[column] for row in TEMPLATE.table(table).values()}


def includes() -> list[tuple[Path, str]]:
    """Each include of the template: the file that it stands in, and what it says."""
    sources = [path for path in sorted((ROOT / "template").rglob("*")) if path.is_file()]
    return [(path, found.strip()) for path in sources for found in INCLUDE.findall(path.read_text())]


def included(file: Path, what: str) -> set[Path]:
    """The partials that an include can bring; its rule is broken where it can bring none."""
    if chosen := CHOSEN.match(what):
        folder, question, slot = chosen.groups()
        assert folder == question, f"{file}: a partial is chosen by the answer that its folder is named after: {what}"
        return {Path(question, answer, slot) for answer in answers(question)} & set(FILES)
    fixed = FIXED.match(what)
    assert fixed, f"{file}: not QUESTION/ANSWER/SLOT: {what}"
    return {Path(fixed[1])} & set(FILES)


@pytest.mark.parametrize("path", [path for path in FILES if path.parts[0] != "shared"], ids=str)
def test_each_folder_of_partials_is_a_row_of_its_question_s_table(path: Path) -> None:
    question, answer, *slot = path.parts
    assert question in TEMPLATE.entries(), f"partials/{question} is no question"
    assert answer in answers(question), f"partials/{question}/{answer} is no row of its table"
    assert slot, f"partials/{path} has no folder of its answer"


SLOTS = [(question, slot, says) for question, slots in rows("slots").items() for slot, says in slots.items()]


@pytest.mark.parametrize(("question", "slot", "says"), SLOTS, ids=[f"{question}/{slot}" for question, slot, _ in SLOTS])
def test_each_answer_fills_the_slots_that_every_answer_must(question: str, slot: str, says: str) -> None:
    for answer in answers(question):
        path = Path(question, answer, slot)
        assert path in FILES, f"template/partials/{path} is missing: {says}"


def test_no_partial_is_empty() -> None:
    assert not [path for path in FILES if not (PARTIALS / path).read_text().strip()]


def test_an_include_takes_a_partial_that_is_missing_for_one_with_nothing_to_say() -> None:
    assert includes()
    assert not [(file, what) for file, what in includes() if not what.endswith("ignore missing")]


def test_each_include_finds_a_partial_and_each_partial_is_included() -> None:
    found = [(file, what, included(file, what)) for file, what in includes()]
    assert not [(file, what) for file, what, paths in found if not paths]
    assert not set(FILES) - {path for _, _, paths in found for path in paths}

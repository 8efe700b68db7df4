"""The README's table of questions is what rendering shows."""

from pathlib import Path

from tests.support.paths import ROOT
from tests.support.questions import table


def test_the_table_of_questions_is_true(plain_template: Path, tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text()
    section = readme.partition("<!-- questions:")[2].partition("-->")[2].partition("<!-- /questions -->")[0]
    assert section.strip() == table(plain_template, tmp_path), "run python -m tests.support.questions"

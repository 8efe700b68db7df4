"""The table in docs/answers.md is what rendering shows."""

from pathlib import Path

from tests.support.render.questions import table, written


def test_the_table_of_answers_is_true(plain_template: Path, tmp_path: Path) -> None:
    assert written() == table(plain_template, tmp_path), "run `make answers`, look at the diff, and commit it"

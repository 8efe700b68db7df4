"""The examples that a reader sees on GitHub are what the template renders."""

from pathlib import Path

import pytest

from tests.support.render import TEMPLATE, examples


@pytest.mark.parametrize("name", examples.NAMES)
def test_the_example_is_up_to_date(name: str, plain_template: Path, tmp_path: Path) -> None:
    expected = examples.files(examples.rendered(plain_template, name, tmp_path))
    kept = examples.kept(name)
    differ = sorted(path for path in expected.keys() | kept.keys() if expected.get(path) != kept.get(path))
    assert not differ, "the template renders these in another way: run `make examples`, look at the diff, and commit it"


@pytest.mark.parametrize("name", examples.NAMES)
def test_the_example_answers_questions_that_exist(name: str) -> None:
    """Copier ignores an answer to a question that there is not, and takes the default without a word."""
    assert not examples.answers(name).keys() - TEMPLATE.questions().keys()


def test_the_examples_show_every_orchestrator() -> None:
    """But Lambda: all but `deploy/lambda` would be one of the others again, 12,000 lines that each change repeats."""
    shown = {examples.answers(name)["orchestrator"] for name in examples.NAMES}
    assert shown == set(TEMPLATE.table("orchestrators")) - {"lambda"}

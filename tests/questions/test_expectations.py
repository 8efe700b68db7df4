"""tests/expectations.yml has a row for whatever the template has, and for nothing else."""

import pytest

from tests.support.expectations import expected, rows
from tests.support.render import TEMPLATE

KINDS = {
    kind: list(TEMPLATE.table(TEMPLATE.choices()[kind]))
    for kind in ("language", "registry", "orchestrator", "kubernetes_access", "host_machine")
} | {"question": list(TEMPLATE.questions())}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in KINDS.items() for name in names])
def test_each_row_and_question_has_its_expectations(kind: str, name: str) -> None:
    row = expected(kind, name)
    if kind != "question":
        assert row.keys() == {column for other in rows(kind).values() for column in other}


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_expected_of_what_is_gone(kind: str) -> None:
    assert not rows(kind).keys() - set(KINDS[kind])


def test_a_missing_row_says_what_to_write() -> None:
    with pytest.raises(
        AssertionError, match=r"tests/expectations.yml has no row for registry floppy: add one, with image, pull, push$"
    ):
        expected("registry", "floppy")

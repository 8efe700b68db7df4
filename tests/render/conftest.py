"""The rendering matrix, by pytest-copie."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_copie.plugin import Copie, Result
from shipshape.template import Answers

from tests.support.render import ORDERS, TEMPLATE

# What only a trusted template may have: https://copier.readthedocs.io/en/stable/configuring/#unsafe
NEEDS_TRUST = {"_tasks", "_migrations", "_jinja_extensions", "_external_data"}


@pytest.fixture
def copied(copie: Callable[..., Copie], plain_template: Path) -> Callable[[Path, Answers], Result]:
    """Render into a copy of a folder that has files already.

    pytest-copie trusts every template and keeps exceptions to itself: so neither may be there.
    """

    def copy(before: Path, answers: Answers) -> Result:
        assert not NEEDS_TRUST & TEMPLATE.entries().keys()
        beside = copie(parent_result=Result(project_dir=before), child_tpl=plain_template)
        result = beside.copy(extra_answers=ORDERS | answers)
        assert result.exception is None, repr(result.exception)
        return result

    return copy

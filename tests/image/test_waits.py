"""What can only be shown by waiting: all at once, from the start of a language's tests on; here they are collected."""

from concurrent.futures import Future

import pytest

from tests.image.waits import WAITS, WAITS_OF_A_DATABASE

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("wait", WAITS)
def test_after_a_while(waits: dict[str, Future[None]], wait: str) -> None:
    waits[wait].result(timeout=600)


@pytest.mark.own_database
@pytest.mark.parametrize("wait", WAITS_OF_A_DATABASE)
def test_after_a_while_with_a_database(waits: dict[str, Future[None]], wait: str) -> None:
    waits[wait].result(timeout=600)

"""What takes a while and little CPU: all at once, from the first test of a language on.

Each is a function of its own; tests/image/test_waits.py asks how they ended.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from tests.image import busy, slow
from tests.image.place import Place, prepared
from tests.support.engine.database import Server

if TYPE_CHECKING:
    from tests.image.conftest import Service

SIDE_BY_SIDE: list[Callable[[Place], None]] = [
    slow.a_header_that_trickles_is_ended,
    slow.a_header_that_stalls_is_ended,
    slow.a_second_header_that_trickles_is_ended,
    slow.a_body_that_trickles_is_ended,
    slow.a_body_that_stalls_is_ended,
    slow.a_chunked_body_that_trickles_is_ended,
    slow.a_body_that_takes_some_seconds_is_taken,
    slow.a_connection_is_kept_for_75_seconds,
    slow.a_body_that_stalls_holds_up_the_stop_for_25_seconds,
    slow.a_quarter_of_a_core_is_enough_for_the_health_check,
]
WITH_A_DATABASE: list[Callable[[Place], None]] = [
    slow.migrate_gives_up_after_30_seconds,
    slow.migrate_takes_the_time_that_it_needs,
]
# These stop the database for each other, and for those that need it before.
IN_TURN: list[Callable[[Place], None]] = [
    busy.prefer_takes_a_server_without_tls_and_require_does_not,
    busy.a_busy_service_is_ready,
    busy.a_frozen_database_ends_a_request_within_15_seconds,
]
WAITS = [function.__name__ for function in SIDE_BY_SIDE]
WAITS_OF_A_DATABASE = [function.__name__ for function in WITH_A_DATABASE + IN_TURN]


@contextmanager
def begun(service: "Service", keeper: "Service", plain: Server) -> Iterator[dict[str, Future[None]]]:
    """Start them all; yields each by its name, and waits for all in the end."""
    with ExitStack() as stack:
        one, many = stack.enter_context(ThreadPoolExecutor(1)), stack.enter_context(ThreadPoolExecutor(16))
        place = one.submit(prepared, stack, service, keeper, plain)

        def run(function: Callable[[Place], None]) -> None:
            function(place.result())

        side_by_side, in_turn = list(SIDE_BY_SIDE), list[Callable[[Place], None]]()
        if keeper is service:
            side_by_side, in_turn = side_by_side + WITH_A_DATABASE, IN_TURN
        started = {function.__name__: many.submit(run, function) for function in side_by_side}
        started |= {function.__name__: one.submit(run, function) for function in in_turn}
        yield started
        wait(started.values())

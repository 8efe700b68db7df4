"""Clients that are slow, and others that only take their time: what tests/image/waits.py runs side by side."""

import os
import signal
import time

from tests.image.place import Place, with_data
from tests.support.engine import wire

SLACK = 3  # seconds, on a machine that does other things too


def body(place: Place, header: str = "Content-Length: 1000", start: bytes = b'{"name": "') -> bytes:
    """A request whose body begins, and does not come."""
    return wire.post(place.container.at("/items"), header, body=start)


def within(end: wire.End, least: float, most: float) -> None:
    assert least <= end.seconds <= most + SLACK, end
    assert end.status in {0, 400, 408}, end


def a_header_that_trickles_is_ended(place: Place) -> None:
    within(wire.dripped(place.container, wire.HEAD + b"X-Slow: ", b"x", seconds=40), 5, 10)


def a_header_that_stalls_is_ended(place: Place) -> None:
    within(wire.dripped(place.container, wire.HEAD, b"", seconds=40), 5, 10)


def a_second_header_that_trickles_is_ended(place: Place) -> None:
    within(wire.dripped(place.container, wire.HEAD + b"X-Slow: ", b"x", seconds=40, after=wire.GET), 5, 10)


def a_body_that_trickles_is_ended(place: Place) -> None:
    within(wire.dripped(place.container, body(place), b"x", seconds=60), 15, 30)


def a_body_that_stalls_is_ended(place: Place) -> None:
    within(wire.dripped(place.container, body(place), b"", seconds=60), 15, 30)


def a_chunked_body_that_trickles_is_ended(place: Place) -> None:
    chunked = body(place, "Transfer-Encoding: chunked", wire.chunk(b'{"name": "'))
    within(wire.dripped(place.container, chunked, wire.chunk(b"x"), seconds=60), 15, 30)


def a_body_that_takes_some_seconds_is_taken(place: Place) -> None:
    """A telephone in a tunnel is no attacker."""
    # The last byte is wrong. To tell, a service must have taken them all, but needs no database: busy.py locks it.
    item = b'{"name": "slow", "quantity": 1]'
    with place.container.socket() as connection:
        connection.sendall(body(place, f"Content-Length: {len(item)}", item[:10]))
        time.sleep(12)
        connection.sendall(item[10:])
        answer = wire.read_one(connection)
        assert answer.split()[1] == b"400", answer


def a_connection_is_kept_for_75_seconds(place: Place) -> None:
    """Longer than a load balancer keeps it, which would otherwise send a request into a connection that closes."""
    end = wire.dripped(place.container, b"", b"", seconds=100, after=wire.GET)
    assert (end.said, 74 <= end.seconds <= 75 + 2 * SLACK) == (b"", True), end


def a_body_that_stalls_holds_up_the_stop_for_25_seconds(place: Place) -> None:
    settings = place.plain.settings(place.database)
    with with_data(place.service, place.keeper, *settings) as container, container.socket() as connection:
        connection.sendall(body(place))
        time.sleep(1)
        process, start = container.pid, time.time()
        os.kill(process, signal.SIGTERM)  # `docker kill` takes seconds under load
        assert container.wait() == 0
        assert container.ended() - start < 30, "it is killed where its grace period ends"


def migrate_gives_up_after_30_seconds(place: Place) -> None:
    start = time.monotonic()
    code, lines = place.service.run("migrate", "--env=DATABASE_URL=postgresql://owner@127.0.0.1:1/app")
    assert (code, lines[-1]["level"], lines[-1]["message"]) == (1, "error", "migration failed")
    assert 25 < time.monotonic() - start < 60  # with the start of a container, for which a busy machine takes its time


def a_quarter_of_a_core_is_enough_for_the_health_check(place: Place) -> None:
    with place.service.start("--cpus=0.25") as container:
        container.wait_until_it_answers(60)
        container.wait_for_health("healthy", 60)

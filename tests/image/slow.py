"""Clients that are slow, and others that only take their time: what tests/image/waits.py runs side by side."""

import os
import secrets
import signal
import time

from tests.image.place import Place, with_data
from tests.support.engine import wire
from tests.support.engine.container import PATIENCE

# The table of the slice is made slowly.
SLOW = """
CREATE SCHEMA slow; -- Flyway wants to find an empty `public`
GRANT USAGE ON SCHEMA slow TO owner;
CREATE FUNCTION slow.down() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE object_identity = 'public.items') THEN
    PERFORM pg_sleep(13);
  END IF;
END $$;
CREATE EVENT TRIGGER slow ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION slow.down();
"""
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
    with place.service.start("--env=DATABASE_URL=postgresql://owner@127.0.0.1:1/app", command="migrate") as container:
        code, last = container.wait(PATIENCE), container.lines()[-1]
        assert (code, last["level"], last["message"]) == (1, "error", "migration failed")
        assert 25 < container.ended() - container.started() < 60  # its own: Docker may take its time before and after


def migrate_takes_the_time_that_it_needs(place: Place) -> None:
    """It is the owner's, and has no limit: an index of a large table takes minutes."""
    name = f"{place.database}_{secrets.token_hex(2)}"
    place.plain.create(name)
    place.plain.sql(SLOW, name)
    start = time.monotonic()
    code, lines = place.service.run("migrate", *place.plain.settings(name, "owner"))
    assert (code, lines[-1]["message"]) == (0, "migrated"), lines
    assert time.monotonic() - start > 13


def a_quarter_of_a_core_is_enough_for_the_health_check(place: Place) -> None:
    with place.service.start("--cpus=0.25", health=True) as container:
        container.wait_until_it_answers()
        container.wait_for_health("healthy")

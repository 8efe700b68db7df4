"""A database that is busy, frozen or without TLS: what tests/image/waits.py runs one after the other."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from tests.image.place import Place
from tests.image.slow import SLACK
from tests.support import engine
from tests.support.engine.container import Answer, Container


def prefer_takes_a_server_without_tls_and_require_does_not(place: Place) -> None:
    for mode, status in (("prefer", 200), ("require", 503)):
        with place.service.start(*place.plain.settings(place.database, sslmode=mode)) as container:
            container.wait_until_it_answers()
            deadline = time.monotonic() + 60  # a runtime's first check may take longer than it is given
            while container.get("/readyz").status != status:
                assert time.monotonic() < deadline, mode
                time.sleep(0.5)


def a_busy_service_is_ready(place: Place) -> None:
    """Twelve requests wait for a lock: ten hold the pool's connections until the limit, two wait for one."""
    asked = Asked(place.container)
    warm(place)
    with lock(place, seconds=16), ThreadPoolExecutor(12) as pool:
        requests = [pool.submit(asked, "/items") for _ in range(12)]
        while not all(request.done() for request in requests):
            assert place.container.get("/readyz").status == 200, (
                f"busy is not unready: {place.container.output()[-2000:]}"
            )
            time.sleep(1)
    answers = [request.result() for request in requests]
    assert {answer.status for answer, _ in answers} == {503}, [(answer.status, seconds) for answer, seconds in answers]
    assert {answer.headers.get("retry-after") for answer, _ in answers} == {"1"}
    times = sorted(seconds for _, seconds in answers)
    assert times[1] < 5 + SLACK, times
    assert times[2] > 8, times
    assert times[-1] < 10 + SLACK, times
    ended = "canceling statement due to statement timeout"
    assert ended in place.container.output(), "by the server, whose role has the limit, before the service gives up"
    assert place.container.get("/items").status == 200


def a_frozen_database_ends_a_request_within_15_seconds(place: Place) -> None:
    """One on a connection of the pool, others on new ones; then it comes back, and so does the service."""
    asked = Asked(place.container)
    assert place.container.get("/items").status == 200
    engine.docker("pause", place.plain.name)
    try:
        with ThreadPoolExecutor(12) as pool:
            requests = [pool.submit(asked, "/items") for _ in range(12)]
            checked, seconds = asked("/readyz")
            assert (checked.status, seconds < 2 + SLACK) == (503, True)
            assert place.container.get("/healthz").status == 200
            answers = [request.result() for request in requests]
    finally:
        engine.docker("unpause", place.plain.name)
    assert {answer.status for answer, _ in answers} == {503}
    assert max(seconds for _, seconds in answers) < 15 + SLACK
    deadline = time.monotonic() + 10
    while [place.container.get(path).status for path in ("/readyz", "/items", "/items")] != [200] * 3:
        assert time.monotonic() < deadline, place.container.output()[-3000:]
        time.sleep(0.5)


def warm(place: Place) -> None:
    """Ready, and the pool's connections made: what a runtime's first requests take is none of a lock's business."""
    deadline = time.monotonic() + 60
    with ThreadPoolExecutor(12) as pool:
        while {answer.status for answer in pool.map(place.container.get, ["/readyz"] + ["/items"] * 11)} != {200}:
            assert time.monotonic() < deadline, place.container.output()[-2000:]


@dataclass(frozen=True)
class Asked:
    """Asks, and takes the time."""

    container: Container

    def __call__(self, path: str) -> tuple[Answer, float]:
        start = time.monotonic()
        answer = self.container.get(path)
        return answer, time.monotonic() - start


@contextmanager
def lock(place: Place, seconds: int) -> Iterator[None]:
    """Somebody else has the table."""
    query = f"BEGIN; LOCK TABLE items; SELECT pg_sleep({seconds}); COMMIT"
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(place.plain.sql, query, place.database)
        deadline = time.monotonic() + 60
        # Of this database: elsewhere on the server a migration is slow.
        held_now = (
            "SELECT count(*) FROM pg_locks JOIN pg_database ON database = pg_database.oid "
            "WHERE datname = current_database() AND mode = 'AccessExclusiveLock' AND granted"
        )
        while place.plain.sql(held_now, place.database) == "0":
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield
        held.result()

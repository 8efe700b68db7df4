"""A POST with `Idempotency-Key` is done once.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

import json
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.image.conftest import Service
from tests.support.engine import valkey
from tests.support.engine.container import Answer, Container
from tests.support.engine.database import Server
from tests.support.engine.valkey import Cache

pytestmark = [pytest.mark.engine, pytest.mark.own_cache]


@pytest.fixture(scope="module")
def cache() -> Iterator[Cache]:
    with valkey.server() as started:
        yield started


@pytest.fixture(scope="module")
def shop(service: Service, postgres: Server, migrated: str, cache: Cache) -> Iterator[Container]:
    with service.start(*postgres.settings(migrated), *cache.settings()) as started:
        started.wait_until_it_answers()
        yield started


def item() -> dict[str, Any]:
    return {"name": uuid.uuid4().hex, "quantity": 1}


def key() -> str:
    return str(uuid.uuid4())


def rows(shop: Container) -> int:
    newest = shop.get("/items?limit=1").json["items"]
    return newest[0]["id"] if newest else 0


def is_problem(answer: Answer, status: int) -> None:
    assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (status, "application/problem+json"), (
        answer
    )
    assert answer.json["status"] == status


def replayed(answer: Answer) -> bool:
    return answer.headers.get("idempotent-replayed") == "true"


def test_the_first_answer_comes_again_and_no_second_row(shop: Container) -> None:
    mine, new = key(), item()
    first = shop.post("/items", new, Idempotency_Key=mine, X_Request_ID="first")
    before = rows(shop)
    second = shop.post("/items", new, Idempotency_Key=mine, X_Request_ID="second")
    assert (first.status, second.status) == (201, 201)
    assert (replayed(first), replayed(second)) == (False, True)
    assert second.body == first.body
    for header in ("content-type", "location"):
        assert second.headers[header] == first.headers[header]
    assert second.headers["x-request-id"] == "second"
    assert rows(shop) == before
    line = shop.lines_of("second")[-1]
    assert (line["route"], line["status"], line["level"]) == ("/items", 201, "info")


def test_quotes_are_no_part_of_a_key(shop: Container) -> None:
    """The draft's own form is a string of structured fields; Stripe's has no quotes."""
    mine, new = key(), item()
    assert shop.post("/items", new, Idempotency_Key=f'"{mine}"').status == 201
    assert replayed(shop.post("/items", new, Idempotency_Key=mine))


def test_another_request_gets_nothing_of_the_first(shop: Container) -> None:
    """Not even another caller's, who has the same key: https://github.com/josipmusa/idempotency4j/issues/9 ."""
    mine, new = key(), item()
    assert shop.post("/items", new, Idempotency_Key=mine, Authorization="Bearer a").status == 201
    others = [
        shop.post("/items", item(), Idempotency_Key=mine, Authorization="Bearer a"),
        shop.post("/items?dry=1", new, Idempotency_Key=mine, Authorization="Bearer a"),
        shop.post("/items", new, Idempotency_Key=mine, Authorization="Bearer b"),
        shop.post("/items", new, Idempotency_Key=mine),
    ]
    for other in others:
        is_problem(other, 422)
        assert [error["pointer"] for error in other.json["errors"]] == ["#"]
        assert new["name"] not in other.body
    assert replayed(shop.post("/items", new, Idempotency_Key=mine, Authorization="Bearer a"))


def test_a_key_is_of_one_path(shop: Container, cache: Cache) -> None:
    """Or another route would answer what this one did: https://github.com/KanishJebaMathewM/Truxify/issues/3539 ."""
    mine, new = key(), item()
    assert shop.post("/items", new, Idempotency_Key=mine).status == 201
    assert shop.post("/orders", new, Idempotency_Key=mine).status == 404
    assert shop.get("/items", "GET", None, Idempotency_Key=mine).status == 200


def test_of_many_at_once_one_is_done(shop: Container) -> None:
    """Who asks first and sets later lets two through: https://github.com/idempot-dev/idempot-js/pull/187 ."""
    mine, new = key(), item()
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: shop.post("/items", new, Idempotency_Key=mine), range(20)))
    done = [answer for answer in answers if answer.status == 201]
    assert len([answer for answer in done if not replayed(answer)]) == 1
    assert {answer.body for answer in done} == {done[0].body}
    for answer in answers:
        if answer.status != 201:
            is_problem(answer, 409)
            assert answer.headers["retry-after"] == "1"


class Held:
    """The table is locked, until the `with` ends or the seconds are over."""

    def __init__(self, postgres: Server, database: str, seconds: float) -> None:
        query = f"BEGIN; LOCK TABLE items; SELECT pg_sleep({seconds}); COMMIT"
        self._thread = threading.Thread(target=postgres.sql, args=(query, database))
        self._postgres, self._database = postgres, database

    def __enter__(self) -> None:
        self._thread.start()
        locks = "SELECT count(*) FROM pg_locks WHERE granted AND relation = 'items'::regclass AND mode LIKE 'AccessEx%'"
        deadline = time.monotonic() + 60
        while self._postgres.sql(locks, self._database) == "0":
            assert time.monotonic() < deadline

    def __exit__(self, *_: object) -> None:
        self._thread.join()


def test_while_the_first_is_running_it_is_a_conflict(
    shop: Container, cache: Cache, postgres: Server, migrated: str
) -> None:
    cache.cli("FLUSHALL")
    mine, new = key(), item()
    with Held(postgres, migrated, 4), ThreadPoolExecutor(1) as pool:
        first = pool.submit(shop.post, "/items", new, Idempotency_Key=mine)
        deadline = time.monotonic() + 3
        while not cache.keys():
            assert time.monotonic() < deadline, "no key was taken"
        # Should the service die now, the key is not taken for ever: https://github.com/LerianStudio/midaz/issues/1799 .
        (name,) = cache.keys()
        assert 30 < int(cache.cli("TTL", name)) <= 60
        second = shop.post("/items", new, Idempotency_Key=mine)
        is_problem(second, 409)
        assert second.headers["retry-after"] == "1"
        is_problem(shop.post("/items", item(), Idempotency_Key=mine), 422)
        assert first.result().status == 201
    third = shop.post("/items", new, Idempotency_Key=mine)
    assert (third.status, replayed(third), third.body) == (201, True, first.result().body)


def test_a_caller_who_hangs_up_may_ask_again(shop: Container, postgres: Server, migrated: str) -> None:
    """What the header is for: no answer has come, and the caller can't tell whether it was done."""
    mine, new = key(), item()
    with Held(postgres, migrated, 2):
        connection = shop.connect(timeout=0.5)
        headers = {"Content-Type": "application/json", "Idempotency-Key": mine}
        connection.request("POST", "/items", json.dumps(new), headers)
        with pytest.raises(TimeoutError):
            connection.getresponse()
        connection.close()
    deadline = time.monotonic() + 60
    while (answer := shop.post("/items", new, Idempotency_Key=mine)).status == 409:
        assert time.monotonic() < deadline, answer
        assert "still running" in answer.body, "or it was done, and not kept"
        time.sleep(0.2)
    assert answer.status == 201


def test_an_answer_that_changed_nothing_is_not_kept(shop: Container) -> None:
    """Else a caller gets the same refusal for a day: https://github.com/KanishJebaMathewM/Truxify/issues/2869 ."""
    mine, new = key(), item()
    is_problem(shop.post("/items", new | {"quantity": -1}, Idempotency_Key=mine), 422)
    is_problem(shop.post("/items", b"{", Idempotency_Key=mine), 400)
    assert shop.post("/items", new).status == 201
    is_problem(shop.post("/items", new, Idempotency_Key=mine), 409)
    other = shop.post("/items", item(), Idempotency_Key=mine)
    assert (other.status, replayed(other)) == (201, False)


@pytest.mark.parametrize("bad", ["", "two words", '"half', 'half"', "x" * 256])
def test_a_key_that_is_none_is_refused(shop: Container, bad: str) -> None:
    answer = shop.post("/items", item(), Idempotency_Key=bad)
    is_problem(answer, 400)
    assert "Idempotency-Key" in answer.json["detail"]


def test_two_keys_are_refused(shop: Container) -> None:
    connection = shop.connect()
    connection.putrequest("POST", "/items")
    for name, value in [("Content-Type", "application/json"), ("Content-Length", "2")] + [
        ("Idempotency-Key", key())
    ] * 2:
        connection.putheader(name, value)
    connection.endheaders(b"{}")
    assert connection.getresponse().status == 400
    connection.close()


def test_a_key_may_be_long_and_have_any_visible_character(shop: Container) -> None:
    for mine in ("x" * 255, "!#$%&'()*+,-./09:;<=>?@AZ[]^_`az{|}~" + key()):
        assert shop.post("/items", item(), Idempotency_Key=mine).status in {201, 422}


def test_a_body_has_its_limit_with_a_key_too(shop: Container) -> None:
    mine = key()
    is_problem(shop.post("/items", b'{"name": "' + b"x" * 2_000_000 + b'"}', Idempotency_Key=mine), 413)
    assert shop.post("/items", item(), Idempotency_Key=mine).status == 201


def test_a_key_is_kept_for_a_day_and_not_in_clear(shop: Container, cache: Cache) -> None:
    cache.cli("FLUSHALL")
    mine = key()
    assert shop.post("/items", item(), Idempotency_Key=mine, Authorization="Bearer s3cret").status == 201
    (name,) = cache.keys()
    assert name.startswith("idempotency:orders-api:"), "services that share a server do not share keys"
    assert mine not in name
    assert 86_400 - 60 < int(cache.cli("TTL", name)) <= 86_400
    assert "s3cret" not in cache.cli("GET", name)
    assert mine not in shop.output()

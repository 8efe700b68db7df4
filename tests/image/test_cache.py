"""The way to Valkey: TLS, a password that changes, and a server that is gone, frozen, full or no longer the primary."""

import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.image.conftest import Service
from tests.image.slow import SLACK
from tests.image.test_database import replace
from tests.support import engine
from tests.support.engine import valkey
from tests.support.engine.container import Answer, Container, free_port
from tests.support.engine.database import Server
from tests.support.engine.valkey import PASSWORD, Cache
from tests.support.engine.way import Way

pytestmark = [pytest.mark.engine, pytest.mark.own_cache]

Start = Callable[..., Any]


@pytest.fixture
def cache() -> Iterator[Cache]:
    with valkey.server() as started:
        yield started


@pytest.fixture
def start(service: Service, postgres: Server, migrated: str) -> Start:
    """Start the service with these options and its database."""
    return lambda *options: service.start(*postgres.settings(migrated), *options)


@pytest.fixture
def shop(start: Start, cache: Cache) -> Iterator[Container]:
    with start(*cache.settings()) as started:
        started.wait_until_it_answers()
        yield started


def post(shop: Container, *, key: bool = True) -> Answer:
    """Make an item of a new name, with a new key or without."""
    headers = {"Idempotency_Key": str(uuid.uuid4())} if key else {}
    return shop.post("/items", {"name": uuid.uuid4().hex, "quantity": 1}, **headers)


def timed(shop: Container, *, key: bool = True) -> tuple[Answer, float]:
    start = time.monotonic()
    answer = post(shop, key=key)
    return answer, time.monotonic() - start


def checks(shop: Container) -> tuple[int, str]:
    answer = shop.get("/readyz")
    return answer.status, answer.json["checks"]["cache"]


def no_key_is_passed_over(shop: Container) -> None:
    """Without the cache a key can't be kept: that is told, and all else works."""
    answer = post(shop)
    assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (503, "application/problem+json"), (
        answer
    )
    assert answer.headers["retry-after"] == "1"
    assert post(shop, key=False).status == 201
    assert shop.get("/items").status == 200


def recovers(shop: Container, seconds: float = 10) -> None:
    """Twenty keys one after the other, and readiness."""
    deadline, good = time.monotonic() + seconds, 0
    while good < 20:
        good = good + 1 if post(shop).status == 201 and checks(shop) == (200, "ok") else 0
        assert time.monotonic() < deadline, shop.output()[-3000:]


def test_without_an_address_a_key_is_not_passed_over(start: Start) -> None:
    with start() as shop:
        shop.wait_until_it_answers()
        assert shop.get("/readyz").json == {"status": "ready", "checks": {"database": "ok"}}
        no_key_is_passed_over(shop)


def test_a_cache_counts_until_it_has_answered_and_is_told_from_then_on(start: Start) -> None:
    """A deployment with a wrong address stops; a cache that fails later takes nothing with it but the keys."""
    port = free_port()
    with start(f"--env=CACHE_URL=redis://127.0.0.1:{port}", f"--env=CACHE_PASSWORD={PASSWORD}") as shop:
        shop.wait_until_it_answers()
        assert shop.get("/readyz").json == {"status": "unavailable", "checks": {"database": "ok", "cache": "failed"}}
        no_key_is_passed_over(shop)
        with valkey.server(port):
            recovers(shop)
        answer = shop.get("/readyz")
        assert (answer.status, answer.json) == (
            200,
            {"status": "ready", "checks": {"database": "ok", "cache": "failed"}},
        )
        assert [line["check"] for line in shop.lines() if line["message"] == "check failed"][-1] == "cache"
        no_key_is_passed_over(shop)
        failed = [line for line in shop.lines() if line.get("status") == 503 and line.get("route") == "/items"][-1]
        assert (failed["level"], bool(failed["error"])) == ("error", True)
        with valkey.server(port):
            recovers(shop)
        assert PASSWORD not in shop.output()


def test_a_frozen_cache_holds_up_a_key_for_5_seconds_and_nothing_else(shop: Container, cache: Cache) -> None:
    """Clients wait for ever by default, or let requests pile up: https://github.com/redis/node-redis/issues/2205 ."""
    recovers(shop)
    engine.docker("pause", cache.name)
    try:
        with ThreadPoolExecutor(30) as pool:
            with_key = [pool.submit(timed, shop) for _ in range(30)]
            time.sleep(0.2)
            answer, seconds = timed(shop, key=False)
            assert (answer.status, seconds < 1 + SLACK) == (201, True)
            begin = time.monotonic()
            assert checks(shop) == (200, "failed")
            assert time.monotonic() - begin < 2 + SLACK
            answers = [each.result() for each in with_key]
    finally:
        engine.docker("unpause", cache.name)
    assert {answer.status for answer, _ in answers} == {503}
    assert max(seconds for _, seconds in answers) < 5 + SLACK
    recovers(shop)


def test_after_a_timeout_nobody_gets_the_answer_of_another(shop: Container, cache: Cache) -> None:
    """The answer to a command that was given up is still to come: https://github.com/redis/redis-py/issues/2665 ."""
    made: dict[str, str] = {}
    for _ in range(3):
        engine.docker("pause", cache.name)
        with ThreadPoolExecutor(10) as pool:
            waiting = [pool.submit(post, shop) for _ in range(10)]
            time.sleep(2.5)
            engine.docker("unpause", cache.name)
            for each in waiting:
                each.result()
        recovers(shop)
    for _ in range(20):
        name, key = uuid.uuid4().hex, str(uuid.uuid4())
        answer = shop.post("/items", {"name": name, "quantity": 1}, Idempotency_Key=key)
        assert (answer.status, answer.json["name"]) == (201, name)
        made[name] = key
    for name, key in made.items():
        answer = shop.post("/items", {"name": name, "quantity": 1}, Idempotency_Key=key)
        assert (answer.json["name"], answer.headers["idempotent-replayed"]) == (name, "true")


def test_a_connection_that_was_cut_is_made_again_without_an_error(shop: Container, cache: Cache) -> None:
    """As `timeout` does it for those that are idle: https://github.com/redis-rs/redis-rs/issues/1415 ."""
    for _ in range(3):
        recovers(shop)
        cache.cut()
        time.sleep(0.2)
        assert [post(shop).status for _ in range(5)] == [201] * 5
        assert checks(shop) == (200, "ok")


def test_a_connection_that_a_firewall_has_forgotten_is_given_up(start: Start, cache: Cache) -> None:
    """Nothing comes back, not even a reset, for up to 15 minutes: https://github.com/redis/lettuce/issues/2082 ."""
    way = Way(cache.port)
    with start(f"--env=CACHE_URL={cache.url(port=way.port)}", f"--env=CACHE_PASSWORD={PASSWORD}") as shop:
        shop.wait_until_it_answers()
        recovers(shop)
        way.forget()
        recovers(shop, 30)
    way.close()


def test_after_a_failover_the_new_primary_is_asked(start: Start, cache: Cache) -> None:
    """Who was the primary still answers, by READONLY: https://github.com/redis/go-redis/issues/790 ."""
    way = Way(cache.port)
    with (
        valkey.server() as another,
        start(f"--env=CACHE_URL={cache.url(port=way.port)}", f"--env=CACHE_PASSWORD={PASSWORD}") as shop,
    ):
        shop.wait_until_it_answers()
        recovers(shop)
        way.target = another.port
        cache.cli("REPLICAOF", "127.0.0.1", str(another.port))
        recovers(shop)
        assert another.keys()
    way.close()


def test_a_full_cache_takes_no_key_and_nothing_with_it(shop: Container, cache: Cache) -> None:
    """OOM, as MISCONF and LOADING, is an answer that is none."""
    recovers(shop)
    cache.cli("CONFIG", "SET", "maxmemory", "1")
    no_key_is_passed_over(shop)
    cache.cli("CONFIG", "SET", "maxmemory", "0")
    recovers(shop)


def test_a_wrong_password_is_not_in_the_log(start: Start, cache: Cache) -> None:
    with start(f"--env=CACHE_URL={cache.url()}", "--env=CACHE_PASSWORD=wr0ng-S3cret") as shop:
        shop.wait_until_it_answers()
        assert checks(shop) == (503, "failed")
        no_key_is_passed_over(shop)
        assert "wr0ng-S3cret" not in shop.output()


def test_a_rotated_password_is_read_again(start: Start, cache: Cache, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o755)
    replace(secrets / "cache", PASSWORD)
    options = (
        f"--env=CACHE_URL={cache.url()}", f"--volume={secrets}:/run/secrets:ro",
        "--env=CACHE_PASSWORD_FILE=/run/secrets/cache",
    )  # fmt: skip
    with start(*options) as shop:
        shop.wait_until_it_answers()
        recovers(shop)
        cache.cli("CONFIG", "SET", "requirepass", "second")
        cache.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes", password="second")  # noqa: S106
        time.sleep(0.5)
        assert post(shop).status == 503, "the old password is refused"
        replace(secrets / "cache", "second")
        recovers(shop)


def test_a_user_may_have_no_more_rights_than_it_needs(start: Start, cache: Cache) -> None:
    rights = ("~idempotency:orders-api:*", "+set", "+get", "+del", "+eval", "+ping")
    cache.cli("ACL", "SETUSER", "app", "on", f">{PASSWORD}", *rights)
    with start(f"--env=CACHE_URL=redis://app@127.0.0.1:{cache.port}", f"--env=CACHE_PASSWORD={PASSWORD}") as shop:
        shop.wait_until_it_answers()
        recovers(shop)


def test_tls_is_checked(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    folder.mkdir()
    with valkey.server(tls=folder) as cache:
        ca, another = "?sslrootcert=/tls/authority.pem", "?sslrootcert=/tls/other/authority.pem"
        cases = {
            cache.url("localhost", "rediss", more=ca): 200,
            cache.url("localhost", "valkeys", more=f"/0{ca}"): 200,
            cache.url("127.0.0.1", "rediss", more=ca): 503,
            cache.url("localhost", "rediss", more=another): 503,
            cache.url("localhost", "rediss"): 503,
            cache.url("localhost"): 503,
        }

        def outcome(url: str) -> int:
            """Of readiness, within some seconds: the first handshake of a runtime may outlast the check."""
            options = (f"--env=CACHE_URL={url}", f"--env=CACHE_PASSWORD={PASSWORD}", f"--volume={folder}:/tls:ro")
            with start(*options) as shop:
                shop.wait_until_it_answers()
                deadline = time.monotonic() + 60
                ready: int = shop.get("/readyz").status
                while ready != cases[url] and time.monotonic() < deadline:
                    time.sleep(0.5)
                    ready = shop.get("/readyz").status
                assert post(shop).status == (201 if ready == 200 else 503)
                return ready

        with ThreadPoolExecutor(3) as pool:
            assert dict(zip(cases, pool.map(outcome, cases), strict=True)) == cases


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://cache:6379", "redis://"),
        ("redis://", "redis://"),
        ("redis://cache:s3cret", "redis://"),
        ("redis://cache/s3cret", "redis://"),
        ("redis://app:s3cret@cache:6379", "CACHE_PASSWORD_FILE"),
        ("redis://cache:6379?password=s3cret", "CACHE_PASSWORD_FILE"),
        ("redis://cache:6379?timeout=s3cret", "no parameter but sslrootcert"),
        ("redis://cache:6379?sslrootcert=/s3cret", "rediss://"),
        ("rediss://cache:6379?sslrootcert=/s3cret", "PEM"),
    ],
)
def test_an_address_that_is_none_is_refused_without_a_word_of_it(service: Service, url: str, expected: str) -> None:
    code, lines = service.run("", f"--env=CACHE_URL={url}")
    assert (code, len(lines), lines[0]["message"]) == (1, 1, "bad settings")
    assert lines[0]["error"].startswith("CACHE_URL: ")
    assert expected in lines[0]["error"]
    assert "s3cret" not in lines[0]["error"]

"""What has no end is ended, before it costs the memory that the service has."""

import itertools
from collections.abc import Iterator

import pytest

from tests.image.conftest import Service
from tests.image.place import with_data
from tests.support.engine import wire
from tests.support.engine.container import Container
from tests.support.engine.database import Server

pytestmark = pytest.mark.engine

MEGABYTE = 2**20
CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture(scope="module")
def attacked(service: Service, keeper: Service, postgres: Server, migrated: str) -> Iterator[Container]:
    with with_data(service, keeper, *postgres.settings(migrated)) as started:
        yield started
        state = started.state()
        assert (state["Running"], state["OOMKilled"]) == (True, False)
        assert started.get("/healthz").status == 200


def blocks(service: Service, block: bytes) -> Iterator[bytes]:
    """More than the service has memory."""
    return itertools.repeat(block, (service.row["memory"]["limit"] + 64) * MEGABYTE // len(block))


@pytest.mark.parametrize(
    ("start", "block"),
    [
        (b"GET /", b"x" * wire.BLOCK),
        (wire.HEAD + b"X-Long: ", b"x" * wire.BLOCK),
        (wire.HEAD, b"X-Many: more\r\n" * 4096),
        (wire.GET[:-2] + b"Cookie: a=", b"b;c=" * 16384),
    ],
    ids=["path", "one header", "many headers", "cookie"],
)
def test_a_head_without_an_end_is_refused(service: Service, attacked: Container, start: bytes, block: bytes) -> None:
    end = wire.poured(attacked, start, blocks(service, block))
    assert end.status in {0, 400, 414, 431}
    assert end.sent < 64 * MEGABYTE, "refused at once, not when it has all been read"
    assert attacked.state()["Running"]


@pytest.mark.parametrize("path", ["/items", "/healthz", "/no/such/page"])
def test_a_body_without_an_end_is_refused(service: Service, attacked: Container, path: str) -> None:
    """White space is JSON, as far as it goes."""
    end = wire.poured(attacked, wire.post(attacked.at(path), CHUNKED), blocks(service, wire.chunk(b" " * wire.BLOCK)))
    assert end.status in ({0, 413} if path == "/items" else {0, 404, 405, 413})
    assert end.sent < 64 * MEGABYTE, "refused at once, not when it has all been read"
    assert attacked.state()["Running"]


def test_a_chunk_without_an_end_is_refused(service: Service, attacked: Container) -> None:
    for start in (b"ffffffff\r\n", b"1;" + b"x" * 100, b"7fffffffffffffff\r\n"):
        end = wire.poured(
            attacked, wire.post(attacked.at("/items"), CHUNKED, body=start), blocks(service, b" " * wire.BLOCK)
        )
        assert end.status in {0, 400, 413}
        assert end.sent < 64 * MEGABYTE
        assert attacked.state()["Running"]


def test_a_body_that_is_said_to_be_too_long_is_not_waited_for(attacked: Container) -> None:
    for length in (MEGABYTE + 1, 2**31, 2**63 - 1):
        end = wire.dripped(attacked, wire.post(attacked.at("/items"), f"Content-Length: {length}"), b"", seconds=5)
        assert end.status == 413, length


def test_the_border_of_a_body_is_within(attacked: Container) -> None:
    """To the byte, whether its length is said before or not."""
    item = wire.item(MEGABYTE)
    assert (len(item), attacked.post("/items", item).status) == (MEGABYTE, 201)
    assert attacked.post("/items", item + b" ").status == 413
    for more, status in [(b"", 409), (b" ", 413)]:
        halves = [wire.chunk(item[:700_000]), wire.chunk(item[700_000:] + more), wire.chunk(b"")]
        assert wire.poured(attacked, wire.post(attacked.at("/items"), CHUNKED), halves).status == status


def test_many_large_bodies_at_once_are_within_the_memory(attacked: Container) -> None:
    """Twenty callers, of whom each sends what is allowed, but for the last byte."""
    starts = [
        wire.post(attacked.at("/items"), f"Content-Length: {MEGABYTE}", body=b" " * (MEGABYTE - 1)) for _ in range(20)
    ]
    connections = [attacked.socket() for _ in starts]
    for connection, start in zip(connections, starts, strict=True):
        connection.sendall(start)
    assert attacked.get("/healthz").status == 200
    for connection in connections:
        connection.sendall(b" ")
        assert wire.read_one(connection).split()[1] == b"400"
        connection.close()


def test_headers_that_users_have_are_within(attacked: Container) -> None:
    """Cookies of 4 KiB, a token of 3 KiB and a long query: 8 KiB together, the least that any server takes."""
    token = "Bearer " + "x" * 2500
    assert attacked.get("/?q=" + "x" * 1000, Cookie="a=" + "x" * 4000, Authorization=token).status == 200

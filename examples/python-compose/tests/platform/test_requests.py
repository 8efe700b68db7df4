import asyncio
import json
import logging
import uuid
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Body, FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient

from orders.platform import requests
from orders.platform.app import Service
from orders.platform.logs import JsonFormatter


@pytest.fixture(autouse=True)
def _as_it_is_written(caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.setFormatter(JsonFormatter())
    caplog.set_level(logging.INFO)


def lines(caplog: pytest.LogCaptureFixture, message: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in caplog.text.splitlines()]
    return [line for line in found if line["message"] == message]


def test_it_lives_and_is_ready(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready", "checks": {}}
    assert client.head("/healthz").status_code == 200
    assert client.get("/healthz/", follow_redirects=False).status_code == 404


def test_a_failed_check_makes_it_unready_but_not_dead(
    app: Service, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails() -> None:
        raise ConnectionError("no route to db.internal")

    app.health.checks["cache"] = fails
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "checks": {"cache": "failed"}}
    assert [line["error"] for line in lines(caplog, "check failed")] == ["no route to db.internal"]
    assert client.get("/healthz").status_code == 200


def test_it_is_unready_while_it_stops(app: Service, client: TestClient) -> None:
    app.health.stopping = True
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "stopping")


@pytest.mark.parametrize(("given", "kept"), [("caller-1.a_B", True), ("bad id", False), ("x" * 129, False)])
def test_a_sound_request_id_is_kept_and_any_other_replaced(client: TestClient, given: str, kept: bool) -> None:
    answer = client.get("/", headers={"X-Request-ID": given}).headers["X-Request-ID"]
    assert (answer == given) is kept
    if not kept:
        assert uuid.UUID(answer)


def test_each_line_of_a_request_has_its_id(app: Service, client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    @app.get("/orders")
    def orders() -> None:
        logging.getLogger("orders").info("asked")

    client.get("/orders", headers={"X-Request-ID": "abc"})
    assert [line["request_id"] for line in lines(caplog, "asked")] == ["abc"]
    (line,) = lines(caplog, "request")
    assert set(line) == {"time", "level", "message", "request_id", "method", "route", "status", "duration_ms"}
    assert (line["request_id"], line["level"], line["route"], line["status"]) == ("abc", "info", "/orders", 200)


def test_a_route_is_its_whole_pattern(app: Service, client: TestClient) -> None:
    async def found(number: int) -> int:
        return number

    inner, router = FastAPI(), APIRouter(prefix="/orders")
    inner.add_api_route("/parts/{number}", found)
    router.add_api_route("/{number}", found)
    app.include_router(router, prefix="/v1")
    app.mount("/shops/{shop}", inner)
    for path in ("/v1/orders/7", "/shops/7/parts/7", "/openapi.json", "/nothing/7", "/v1/orders/seven"):
        client.get(path)
    samples = client.get("/metrics").text
    for route, status in [
        ("/v1/orders/{number}", 200),
        ("/shops/{shop}/parts/{number}", 200),
        ("/openapi.json", 200),
        ("unmatched", 404),
        ("/v1/orders/{number}", 404),
    ]:
        assert "http_requests_total{" + f'method="GET",route="{route}",status="{status}"' in samples
    assert "/7" not in samples


def test_a_failure_tells_the_log_everything_and_the_caller_nothing(
    app: Service, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    @app.get("/orders")
    async def broken() -> None:
        raise RuntimeError("the reason")

    answer = client.get("/orders")
    assert answer.json() == {"type": "about:blank", "title": "Internal Server Error", "status": 500}
    assert answer.headers["X-Request-ID"]
    (line,) = lines(caplog, "request")
    assert (line["level"], line["status"]) == ("error", 500)
    assert "the reason" in line["error"]


def test_a_stream_that_fails_is_an_error(app: Service, client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    async def numbers() -> AsyncIterator[bytes]:
        yield b"1"
        raise RuntimeError("no more")

    @app.get("/numbers")
    async def stream() -> StreamingResponse:
        return StreamingResponse(numbers())

    client.get("/numbers")
    (line,) = lines(caplog, "request")
    assert (line["level"], line["status"]) == ("error", 200)
    assert "no more" in line["error"]


@pytest.mark.parametrize(
    ("error", "status", "members"),
    [
        (HTTPException(404), 404, {}),
        (HTTPException(409, "Order of ACME Ltd is closed"), 409, {"detail": "Order of ACME Ltd is closed"}),
        (HTTPException(409, {"code": "closed"}), 409, {"code": "closed"}),
        (HTTPException(304), 304, None),
    ],
)
def test_errors_of_the_owner(
    app: Service, client: TestClient, error: HTTPException, status: int, members: dict[str, str] | None
) -> None:
    @app.get("/orders")
    async def orders() -> None:
        raise error

    answer = client.get("/orders")
    assert answer.status_code == status
    if members is None:
        assert answer.content == b""
    else:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json() == {"type": "about:blank", "title": answer.reason_phrase, "status": status, **members}


def test_a_request_that_takes_too_long_is_ended(
    app: Service, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "SECONDS", 0.05)

    async def takes_long() -> None:
        await asyncio.sleep(0.2)

    app.add_api_route("/reports", takes_long)
    app.add_api_route("/long-reports", takes_long, dependencies=[requests.time_limit(5)])
    assert client.get("/reports").status_code == 503
    assert client.get("/long-reports").status_code == 200


def test_a_body_has_a_limit(app: Service, client: TestClient) -> None:
    @app.post("/orders")
    async def orders(text: Annotated[str, Body()]) -> int:
        return len(text)

    assert client.post("/orders", json="x" * 1_000_000).json() == 1_000_000
    for body in (b"x" * 2_000_000, iter([b"x" * 1_000_000] * 2)):
        answer = client.post("/orders", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["title"]) == (413, "Content Too Large")

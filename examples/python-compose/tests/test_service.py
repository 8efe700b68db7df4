import json
import logging
import uuid

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app import about
from app.logs import JsonFormatter


def test_it_says_who_it_is(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.json() == {"service": about.NAME, "version": "dev"}


def test_it_lives_and_is_ready(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready", "checks": {}}


def test_a_failed_check_makes_it_unready_but_not_dead(
    app: FastAPI, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails() -> None:
        raise ConnectionError("no route to db.internal")

    app.state.health.checks["database"] = fails
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "checks": {"database": "failed"}}
    assert "db.internal" in caplog.text or any("db.internal" in str(vars(r)) for r in caplog.records)
    assert client.get("/healthz").status_code == 200


def test_it_is_unready_while_it_stops(app: FastAPI, client: TestClient) -> None:
    app.state.health.stopping = True
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "stopping")


@pytest.mark.parametrize(("given", "kept"), [("caller-1.a_B", True), ("bad id", False), ("x" * 129, False)])
def test_a_sound_request_id_is_kept_and_any_other_replaced(client: TestClient, given: str, kept: bool) -> None:
    answer = client.get("/", headers={"X-Request-ID": given}).headers["X-Request-ID"]
    assert (answer == given) is kept
    if not kept:
        assert uuid.UUID(answer)


def test_an_unknown_path_is_json_and_no_metric_of_its_own(client: TestClient) -> None:
    answer = client.get("/nothing/here")
    assert (answer.status_code, answer.json()) == (404, {"error": "not found"})
    metrics = client.get("/metrics").text
    assert 'http_requests_total{method="GET",route="unmatched",status="404"}' in metrics
    assert "/nothing/here" not in metrics


def test_a_failure_tells_the_log_everything_and_the_caller_nothing(
    app: FastAPI, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    @app.get("/orders/{number}")
    async def broken(number: str) -> None:
        raise RuntimeError("the reason")

    answer = client.get("/orders/7")
    assert (answer.status_code, answer.json()) == (500, {"error": "internal server error"})
    assert answer.headers["X-Request-ID"]
    (record,) = [r for r in caplog.records if r.levelno == logging.ERROR]
    line = json.loads(JsonFormatter().format(record))
    assert line["message"] == "request"
    assert (line["route"], line["status"], line["method"]) == ("/orders/{number}", 500, "GET")
    assert "the reason" in line["error"]


def test_a_request_is_one_line_with_its_fields(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "app")
    client.get("/", headers={"X-Request-ID": "abc"})
    (record,) = [r for r in caplog.records if r.getMessage() == "request"]
    line = json.loads(JsonFormatter().format(record))
    assert set(line) == {"time", "level", "message", "method", "route", "status", "duration_ms", "request_id"}
    assert (line["level"], line["status"], line["request_id"]) == ("info", 200, "abc")
    assert line["time"].endswith("Z")

"""With `database: none`: the same contract, and nothing of a database."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.image.conftest import WITH_DATABASE, Service, built, label_of
from tests.support.engine.container import Container

pytestmark = pytest.mark.engine

# The image of a language that can have none is one without it anyway.
NONE = [answers | {"database": "none"} for answers in WITH_DATABASE]


@pytest.fixture(scope="module", params=NONE, ids=label_of)
def without(request: pytest.FixtureRequest, rendered: Callable[[Answers], Path]) -> Service:
    return built(request.param, rendered(request.param))


@pytest.fixture(scope="module")
def running(without: Service) -> Iterator[Container]:
    """Settings of a database are none of its own: they are passed over as any other variable is."""
    with without.start("--env=DATABASE_URL=postgresql://app@127.0.0.1:1/app") as started:
        started.wait_until_it_answers()
        yield started


def test_it_answers_as_any_service(running: Container) -> None:
    assert running.get("/").json == {"service": "orders-api", "version": "1.2.3"}
    assert running.get("/healthz").json == {"status": "ok"}
    ready = running.get("/readyz")
    assert (ready.status, ready.json) == (200, {"status": "ready", "checks": {}})
    running.metrics("http_requests_total{")


def test_there_are_no_items(running: Container) -> None:
    for answer in (
        running.get("/items"),
        running.get("/items/1"),
        running.post("/items", {"name": "a", "quantity": 1}),
    ):
        assert (answer.status, answer.json["status"]) == (404, 404)
        assert answer.headers["content-type"].startswith("application/problem+json")


def test_there_is_nothing_to_migrate(without: Service) -> None:
    code, lines = without.run("migrate")
    assert (code, [line["message"] for line in lines]) == (2, ["bad arguments"])


def test_it_stops_as_any_service(without: Service) -> None:
    with without.start() as container:
        container.wait_until_it_answers()
        container.signal("TERM")
        assert container.wait() == 0
        assert {line["level"] for line in container.lines()} == {"info"}

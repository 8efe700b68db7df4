"""OpenTelemetry: on where a receiver is named, off and free otherwise."""

import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.image.conftest import Service
from tests.image.test_image import silent_server
from tests.support.engine.container import Container, free_port
from tests.support.engine.database import Server
from tests.support.otlp import CLIENT, SERVER, Receiver, receiver

pytestmark = pytest.mark.engine

CALLER = "00f067aa0ba902b7"


def parent(sampled: bool = True) -> tuple[str, str]:
    """A caller's trace, and the header that hands it on."""
    trace = uuid.uuid4().hex
    return trace, f"00-{trace}-{CALLER}-0{int(sampled)}"


@pytest.fixture(scope="module")
def traced(service: Service, postgres: Server, migrated: str) -> Iterator[tuple[Container, Receiver]]:
    with receiver() as received:
        options = (*postgres.settings(migrated), f"--env=OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:{received.port}")
        with service.start(*options, "--env=OTEL_BSP_SCHEDULE_DELAY=500") as container:
            container.wait_until_it_answers()
            yield container, received
        assert received.faults == []
        assert received.services == {"orders-api"}


def descends(span: Span, ancestor: Span, spans: list[Span]) -> bool:
    above = {one.span_id: one for one in spans}
    while span.parent_span_id != ancestor.span_id:
        if span.parent_span_id not in above:
            return False
        span = above[span.parent_span_id]
    return True


@pytest.mark.own_database
def test_a_request_and_its_statements_are_one_trace(traced: tuple[Container, Receiver]) -> None:
    container, received = traced
    trace, header = parent()
    name = uuid.uuid4().hex
    assert container.post("/items", {"name": name, "quantity": 1}, traceparent=header).status == 201
    statements = received.wait_for(trace, CLIENT)
    (request,) = received.wait_for(trace, SERVER)
    assert request.name.endswith("/items"), request.name
    assert request.parent_span_id.hex() == CALLER
    assert statements, "the statement has no span"
    assert all(descends(span, request, received.spans) for span in statements)
    assert any("insert" in str(span).lower() for span in statements), "the statement is not told"
    assert name not in str(received.spans), "a value that was sent"


@pytest.mark.own_database
def test_a_span_is_named_by_the_route(traced: tuple[Container, Receiver]) -> None:
    container, received = traced
    trace, header = parent()
    assert container.get("/items/4711000", traceparent=header).status == 404
    (request,) = received.wait_for(trace, SERVER)
    assert request.name.endswith("/items/{id}"), request.name


@pytest.mark.own_database
def test_without_a_caller_a_trace_begins_here(traced: tuple[Container, Receiver]) -> None:
    container, received = traced
    for bad in ("", "00-swordfish-00f067aa0ba902b7-01", f"00-{'0' * 32}-{CALLER}-01"):
        identity = uuid.uuid4().hex
        assert container.get("/items?limit=1", traceparent=bad, X_Request_ID=identity).status == 200
        (line,) = container.lines_of(identity)
        (request,) = received.wait_for(line["trace_id"], SERVER)
        assert request.parent_span_id == b""


@pytest.mark.own_database
def test_what_the_caller_does_not_sample_is_not_sent(traced: tuple[Container, Receiver]) -> None:
    container, received = traced
    trace, header = parent(sampled=False)
    assert container.get("/items", traceparent=header).status == 200
    after, header = parent()
    assert container.get("/items", traceparent=header).status == 200
    assert received.wait_for(after, SERVER)
    assert trace not in {span.trace_id.hex() for span in received.spans}


@pytest.mark.own_database
def test_probes_are_not_traced(traced: tuple[Container, Receiver]) -> None:
    container, received = traced
    traces = []
    for path in ("/healthz", "/readyz", "/metrics", "/items"):
        trace, header = parent()
        traces.append(trace)
        assert container.get(path, traceparent=header).status == 200
    assert received.wait_for(traces.pop(), SERVER)
    assert not {span.trace_id.hex() for span in received.spans} & set(traces)


def test_each_line_of_a_request_has_its_ids(service: Service) -> None:
    """What it asks is not there: a check that fails has a line of its own, and a request that fails too."""
    with receiver() as received:
        endpoint = f"--env=OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:{received.port}"
        with service.start(endpoint, service.asks(1)) as container:
            container.wait_until_it_answers()
            trace, header = parent()
            assert container.get("/items", traceparent=header, X_Request_ID="ids-1").status == 503
            assert container.get("/readyz", X_Request_ID="ids-2").status == 503
            of_request = container.lines_of("ids-1")
            lines = container.lines()
    assert {line["trace_id"] for line in of_request} == {trace}
    assert [line["request_id"] for line in lines if line["message"] == "check failed"] == ["ids-2"]


def test_the_last_spans_are_sent_at_the_stop(service: Service) -> None:
    with receiver() as received:
        endpoint = f"--env=OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:{received.port}/"
        options = ("--env=OTEL_BSP_SCHEDULE_DELAY=60000", "--env=OTEL_SERVICE_NAME=named-by-its-owner")
        with service.start(endpoint, *options) as container:
            container.wait_until_it_answers()
            trace, header = parent()
            container.get("/", traceparent=header)
            container.signal("TERM")
            assert container.wait() == 0
        assert [span.name.rpartition(" ")[2] for span in received.of(trace, SERVER)] == ["/"]
        assert received.services == {"named-by-its-owner"}


@contextmanager
def nobody() -> Iterator[int]:
    yield free_port()


@pytest.mark.parametrize("absent", [nobody, silent_server], ids=["refuses", "is silent"])
def test_a_receiver_that_is_not_there_costs_nothing(
    service: Service, absent: Callable[[], AbstractContextManager[int]]
) -> None:
    with absent() as port:
        endpoint = f"--env=OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:{port}"
        with service.start(endpoint, "--env=OTEL_BSP_SCHEDULE_DELAY=200") as container:
            container.wait_until_it_answers()
            deadline = time.monotonic() + 2
            while time.monotonic() < deadline:
                start = time.monotonic()
                assert container.get("/").status == 200
                assert time.monotonic() - start < 1
            start = time.monotonic()
            container.signal("TERM")
            assert container.wait() == 0
            assert time.monotonic() - start < 4, "2 s for what is left, and 1 s for the rest"
            loud = [line for line in container.lines() if line["level"] in {"warn", "error"}]
    assert {line["level"] for line in loud} <= {"warn"}, loud
    assert len(loud) <= 12, "one for a batch, not for a span"


def test_without_a_receiver_nothing_is_tried(service: Service) -> None:
    """At the port of OpenTelemetry's own default endpoint."""
    with usual_port() as listener, service.start("--env=OTEL_BSP_SCHEDULE_DELAY=200") as container:
        container.wait_until_it_answers()
        container.get("/", traceparent=parent()[1])
        time.sleep(1)
        container.signal("TERM")
        assert container.wait() == 0
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
        assert [line for line in container.lines() if line["level"] in {"warn", "error"}] == []


@contextmanager
def usual_port() -> Iterator[socket.socket]:
    """Port 4318, which another worker may have for a moment."""
    deadline = time.monotonic() + 60
    while True:
        try:
            listener = socket.create_server(("127.0.0.1", 4318))
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.5)
        else:
            break
    with listener:
        yield listener

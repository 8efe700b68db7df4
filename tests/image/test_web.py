"""What a web front end has of its own: files as browsers keep them, the way to the back end, the page in Chromium."""

import re
import shutil
import time
import uuid
from pathlib import Path

import pytest

from tests.image.conftest import Service
from tests.support import engine
from tests.support.engine.container import Container, running
from tests.support.engine.page import browse, with_tools
from tests.support.otlp import CLIENT, receiver
from tests.support.run import figures

pytestmark = [pytest.mark.engine, pytest.mark.own_page]


def test_what_is_hashed_is_kept_and_the_page_is_not(shop: Container) -> None:
    page = shop.get("/", Accept="text/html")
    assert page.headers["cache-control"] == "no-cache"
    assert shop.get("/", If_None_Match=page.headers["etag"]).status == 304
    assets = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.body)
    assert len(assets) > 1
    for path in assets:
        assert shop.get(path).headers["cache-control"] == "public, max-age=31536000, immutable"
    gone = shop.get("/assets/index-of-yesterday.js", Accept="*/*")
    assert (gone.status, gone.headers["cache-control"]) == (404, "no-store")


def test_files_are_sent_compressed(service: Service, shop: Container) -> None:
    (script,) = re.findall(r'src="(/assets/[^"]+)"', shop.get("/").body)
    sizes = {}
    for encoding in ("identity", "gzip", "br"):
        connection = shop.connect()
        connection.request("GET", script, headers={"Accept-Encoding": encoding})
        answer = connection.getresponse()
        assert answer.headers.get("Content-Encoding", "identity") == encoding
        assert answer.headers["Vary"] == "Accept-Encoding"
        sizes[encoding] = len(answer.read())
        connection.close()
    assert sizes["br"] < sizes["gzip"] < sizes["identity"] / 2
    figures.note(service.label, "script over the wire", sizes["br"] / 1000, "kB")


def test_a_build_gives_away_no_secret_and_no_source(service: Service, tmp_path: Path) -> None:
    """Vite writes what it finds in a file of settings into its scripts: https://vite.dev/guide/env-and-mode#security-notes."""
    project = Path(shutil.copytree(service.project, tmp_path / "orders-api"))
    (project / ".env.production").write_text("VITE_TOKEN=swordfish\n")
    with (project / "src/main.tsx").open("a") as source:
        source.write("document.title = `token ${import.meta.env.VITE_TOKEN}`;\n")
    (project / "public/.well-known").mkdir()
    (project / "public/.well-known/security.txt").write_text("Contact: mailto:security@example.com\n")
    with (
        engine.built(project) as image,
        running(image, memory=service.row["memory"]["limit"]) as container,
    ):
        container.wait_until_it_answers()
        (script,) = re.findall(r'src="(/assets/[^"]+)"', container.get("/").body)
        text = container.get(script).body
        assert "token " in text
        assert "swordfish" not in text
        assert "sourceMappingURL" not in text
        assert container.get(f"{script}.map").status == 404
        told = container.get("/.well-known/security.txt")
        assert (told.status, told.headers["content-type"]) == (200, "text/plain; charset=utf-8")


def test_a_route_of_the_page_is_the_page(service: Service, shop: Container) -> None:
    assert service.says_who_it_is(shop.get("/orders/7", Accept="text/html"))
    identity = uuid.uuid4().hex
    shop.get(f"/orders/{identity}", Accept="text/html", X_Request_ID=identity)
    (line,) = shop.lines_of(identity)
    assert (line["route"], line["status"]) == ("/{route...}", 200)


def test_each_answer_says_what_a_page_may_do(shop: Container) -> None:
    for path in ("/", "/orders/7", "/items", "/nothing.png"):
        headers = shop.get(path, Accept="text/html", X_Forwarded_Proto="https").headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert headers["strict-transport-security"] == "max-age=31536000"
        assert headers["x-content-type-options"] == "nosniff"


def test_readiness_asks_the_back_end(service: Service, shop: Container) -> None:
    assert shop.get("/readyz").json == {"status": "ready", "checks": {"backend": "ok"}}
    with service.start(service.asks(1)) as container:
        container.wait_until_it_answers()
        assert container.get("/readyz").json == {"status": "unavailable", "checks": {"backend": "failed"}}
        assert service.says_who_it_is(container.get("/")), "the page is there to say so"


def test_the_back_end_knows_the_request_and_its_trace(service: Service, keeper: Service) -> None:
    with receiver() as received:
        endpoint = f"--env=OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:{received.port}"
        delay = "--env=OTEL_BSP_SCHEDULE_DELAY=200"
        with keeper.start(endpoint, delay) as behind:
            behind.wait_until_it_answers()
            with service.start(endpoint, delay, service.asks(behind.port)) as container:
                container.wait_until_it_answers()
                identity, trace = "known-1", uuid.uuid4().hex
                container.get("/items", X_Request_ID=identity, traceparent=f"00-{trace}-00f067aa0ba902b7-01")
                (theirs,) = [line for line in behind.lines_of(identity) if line["message"] == "request"]
                (ours,) = container.lines_of(identity)
                assert {theirs["trace_id"], ours["trace_id"]} == {trace}
                (asked,) = received.wait_for(trace, CLIENT)
                deadline = time.monotonic() + 15
                while not [span for span in received.spans if span.parent_span_id == asked.span_id]:
                    assert time.monotonic() < deadline, "the back end's span is not below the one that asked it"
                    time.sleep(0.1)


def test_the_page_works_in_chromium(service: Service, shop: Container, tmp_path: Path) -> None:
    """The service's own end-to-end tests, on the image that was built: its CSP, its axe, its budgets."""
    project = Path(shutil.copytree(service.project, tmp_path / "orders-api"))
    settings = with_tools(project, tmp_path) | {"BASE_URL": f"http://127.0.0.1:{shop.port}"}
    printed = browse(project, settings, "npm", "run", "test:e2e")
    (requests, size) = map(int, re.findall(r"first visit: (\d+) requests, (\d+) bytes", printed)[-1])
    figures.note(service.label, "first visit", requests, "requests")
    figures.note(service.label, "first visit over the wire", size / 1000, "kB")

"""A page, the back end of its repository that it calls by name, and that one's PostgreSQL and Valkey."""

import json
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import NODE, loaded, use
from tests.cluster.test_network import PROBE, got_through, probe, pushed_probe, reaches
from tests.services.repository import add
from tests.support.cluster import Release, kubectl, wait_until
from tests.support.engine import valkey
from tests.support.engine.database import PASSWORDS, Server, database_name
from tests.support.engine.page import browse, with_tools
from tests.support.engine.valkey import Cache
from tests.support.engine.way import Way
from tests.support.run import figures

pytestmark = pytest.mark.engine
LANGUAGES = ("web", "python")


@dataclass(frozen=True)
class Pair:
    """A page and the back end that it calls, with a namespace each, and the namespace of a stranger."""

    page: Release
    orders: Release
    elsewhere: str

    def orders_answer(self, namespace: str) -> bool:
        """Whether they do to the probe in a namespace."""
        url = f"http://{self.orders.name}.{self.orders.namespace('production')}.svc/healthz"
        code = f"import urllib.request as r; r.urlopen({url!r}, timeout=3)"
        return got_through(kubectl("--namespace", namespace, "exec", PROBE, "--", "python3", "-c", code, check=False))


@pytest.fixture(scope="module")
def cache(cluster: Path) -> Iterator[Cache]:
    """A Valkey outside the cluster, as a managed one is."""
    with valkey.server(0, None, NODE) as started:
        yield started


@pytest.fixture(scope="module")
def pair(
    server: Server,
    cache: Cache,
    plain_template: Path,
    built: Callable[..., str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Pair]:
    suffix = secrets.token_hex(2)
    page, orders, elsewhere = f"page-{suffix}", f"orders-{suffix}", f"elsewhere-{suffix}"
    repository = tmp_path_factory.mktemp("stack")

    def release(name: str, language: str, image: str, **answers: Any) -> Release:
        add(plain_template, repository, name, orchestrator="kubernetes", language=language, **answers)
        project = repository / f"services/{name}"
        use(project, server, cache)
        return Release(project, name, f"ghcr.io/octo-org/shop/{name}", image, prefix=f"{name}-")

    web, python = LANGUAGES
    made = Pair(
        release(page, web, built(web), calls=[orders]),
        release(orders, python, built(python, "valkey"), cache="valkey", called_by=[page], kubernetes_exposure="none"),
        elsewhere,
    )
    try:
        database = database_name(orders)
        server.create(database)
        passwords = PASSWORDS | {"cache": valkey.PASSWORD}
        url = cache.url(NODE)
        made.orders.prepare("production", f"{NODE}:{server.port}/{database}", passwords, url)
        made.page.prepare("production", "", {})
        for one in (made.orders, made.page):  # what is called first, as deploy/README.md says
            one.deploy(one.image("v1"), WATCH_SECONDS="1")
        kubectl("create", "namespace", elsewhere)
        yield made
    finally:
        for one in (made.page, made.orders):
            one.remove()
        kubectl("delete", "namespace", elsewhere, "--ignore-not-found", "--wait=false")


def ask(page: Release, method: str, body: str | None = None, headers: dict[str, str] | None = None) -> tuple[int, str]:
    """Status and body of what a page's back end answers below /api/items."""
    connection = HTTPConnection(*page.address(), timeout=10)
    connection.request(method, "/api/items", body, headers or {})
    answer = connection.getresponse()
    found = answer.status, answer.read().decode()
    connection.close()
    return found


def items(page: Release) -> list[str]:
    status, body = ask(page, "GET")
    assert status == 200, body
    return [item["name"] for item in json.loads(body)["items"]]


def test_the_call_passes_and_no_other(pair: Pair, server: Server, cache: Cache) -> None:
    """Of a page, by the setting of its overlay; a pod elsewhere has its label, and one beside it has its namespace."""
    item, sent = json.dumps({"name": "called", "quantity": 1}), {"content-type": "application/json"}
    answers = [ask(pair.page, "POST", item, sent | {"Idempotency-Key": "called-once"}) for _ in range(2)]
    assert answers[0] == answers[1]
    assert items(pair.page) == ["called"], "Valkey knows the key"

    beside = pair.page.namespace("production")
    image = pushed_probe()
    for namespace, name in ((pair.elsewhere, pair.page.name), (beside, "beside")):
        kubectl("--namespace", namespace, "create", "--filename=-", stdin=probe(image, name))
    for namespace in (pair.elsewhere, beside):
        kubectl("--namespace", namespace, "wait", "--for=condition=Ready", f"pod/{PROBE}", "--timeout=60s")
        assert not pair.orders_answer(namespace), namespace

    host = f"{pair.orders.name}.{pair.orders.namespace('production')}.svc"
    assert reaches(pair.page, host, 80)
    assert reaches(pair.orders, NODE, server.port)
    assert reaches(pair.orders, NODE, cache.port)
    assert not any(reaches(pair.page, NODE, port) for port in (server.port, cache.port)), "these are not the page's"
    assert not reaches(pair.orders, f"{pair.page.name}.{beside}.svc", 80), "nor does the called one call back"


def test_what_is_added_in_a_browser_outlives_a_rollout(pair: Pair, tmp_path: Path) -> None:
    """By the page's own tests in Chromium, in the place of the gateway; no request is lost meanwhile."""
    host, port = pair.page.address()
    gateway = Way(port, host)  # a browser trusts localhost as it trusts https
    settings = with_tools(pair.page.project, tmp_path) | {"BASE_URL": f"http://127.0.0.1:{gateway.port}"}

    browse(pair.page.project, settings)
    added = items(pair.page)
    assert re.fullmatch(r"bolt \d+", added[0])
    with loaded(pair.page, path="/api/items") as load:
        for language, one in zip(LANGUAGES, (pair.page, pair.orders), strict=True):
            with figures.timed(f"{language}-rolling", "rolled out in"):
                one.deploy(one.image("v2"), ROLLOUT_SECONDS="240")
    figures.note("web-rolling", "requests meanwhile, through the page to its back end", sum(load.answers.values()), "")
    wait_until("the old pods to go", lambda: all(one.images() == {one.image("v2")} for one in (pair.page, pair.orders)))
    assert items(pair.page) == added
    browse(pair.page.project, settings)
    assert items(pair.page)[-len(added) :] == added
    gateway.close()

"""A page beside its back end, each in a repository and a stack of its own, put together as the page's README says."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compose.conftest import Stack, running
from tests.support.engine.page import browse, with_tools
from tests.support.expectations import rows
from tests.support.render import ORDERS, render
from tests.support.run import figures

pytestmark = pytest.mark.engine
(LANGUAGE,) = [language for language, row in rows("language").items() if row["index"] == "page"]


@pytest.fixture(scope="module")
def page(stack: Stack, template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    name, behind = f"stack-{LANGUAGE}", stack.project.name
    folder = tmp_path_factory.mktemp("page") / name
    project = render(template, folder, **ORDERS | {"service_name": name}, language=LANGUAGE)
    readme = (project / "README.md").read_text()
    (network,) = re.findall(r"^```yaml\n(.+?)^```", readme, re.MULTILINE | re.DOTALL)
    (project / "compose.override.yml").write_text(network.replace("orders", behind))
    (address,) = set(re.findall(r"BACKEND_URL=(http://orders-dev\S+:8000)", readme))
    (project / ".env").write_text(f"BACKEND_URL={address.replace('orders', behind)}\n")
    with running(project, LANGUAGE, more="compose.override.yml") as started:
        yield started


def test_it_is_ready_with_its_back_end(page: Stack) -> None:
    assert page.service.get("/readyz").json == {"status": "ready", "checks": {"backend": "ok"}}
    assert page.service.get("/api/items").status == 200


def test_the_other_targets_work(page: Stack) -> None:
    assert re.search(r"^  test-e2e +\w", page.make("help"), re.MULTILINE)
    for target in ("lint", "test", "build"):
        page.make(target)
    assert "answers, and stops as it should" in page.make("smoke")


def test_its_end_to_end_tests_pass(page: Stack, stack: Stack, tmp_path: Path) -> None:
    browse(page.project, page.environment | with_tools(page.project, tmp_path), "make", "test-e2e")
    added = stack.service.get("/items").json["items"]
    assert re.fullmatch(r"bolt \d+", added[0]["name"]), "what the page adds is the back end's"


def test_a_saved_file_is_live_at_once(page: Stack) -> None:
    with page.watched():
        source = page.project / "index.html"
        source.write_text(source.read_text().replace(f"<title>{page.project.name}", "<title>another"))
        with figures.timed(page.language, "saved to live"):
            page.wait_for("<title>another", "/")


def test_a_page_without_its_back_end_says_so(page: Stack, stack: Stack) -> None:
    stack.compose("stop", "app")
    answer = page.service.get("/readyz")
    assert (answer.status, answer.json) == (503, {"status": "unavailable", "checks": {"backend": "failed"}})
    assert page.service.get("/healthz").status == 200
    assert page.service.get("/", Accept="text/html").status == 200
    assert page.service.get("/api/items").status == 503
    stack.compose("start", "app")
    page.wait_for('"ready"', "/readyz")

"""A page and its back end, with PostgreSQL and Valkey, on one host: each behind the shared proxy, by its name."""

import json
import os
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.host.conftest import COUNTER, ON_HOST, Host, make_versions
from tests.host.test_shared import FILES, SHARED, removed
from tests.pipeline.conftest import registry  # noqa: F401 (a fixture)
from tests.services.repository import add
from tests.support import engine
from tests.support.engine.container import free_port
from tests.support.engine.page import browse, with_tools
from tests.support.engine.registry import guarded
from tests.support.paths import ENGINE

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def stack(
    registry: str,  # noqa: F811
    built: Callable[..., str],
    plain_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Host, Host]]:
    """The page and the orders, both deployed."""
    scratch = tmp_path_factory.mktemp("stack")
    home = scratch / "home"
    (home / SHARED).mkdir(parents=True)
    https, http = free_port(), free_port()
    with ExitStack() as end:
        front = end.enter_context(guarded(registry))

        def host(name: str, language: str, image: str, *files: str, **answers: Any) -> Host:
            site = f"{name.partition('-')[0]}.internal"
            add(
                plain_template, scratch / "shop", name, language=language, orchestrator="compose", registry="private",
                registry_host=front.address, production_host=site, shared_host=True, **answers,
            )  # fmt: skip
            project = scratch / f"shop/services/{name}"
            made = Host(
                home, project, front, f"{front.address}/octo-org/shop/{name}", https, http,
                site=site, files=(*files, *FILES, "shared-proxy.Caddyfile"), entrance=SHARED,
            )  # fmt: skip
            made.versions |= make_versions(project, registry, image)
            end.callback(removed, made)
            return made

        own = set(ON_HOST) - set(FILES)
        shop, orders = (f"{service}-{os.getpid()}-{next(COUNTER)}" for service in ("shop", "orders"))
        page = host(shop, "web", built("web"), calls=[orders])
        back = host(orders, "python", built("python", "valkey"), *own, cache="valkey", called_by=[shop])
        ports = f"    ports: !override [127.0.0.1:{http}:80, 127.0.0.1:{https}:443]"
        override = yaml.safe_dump({"services": images(back, "shared-proxy.yaml")})
        (home / SHARED / "compose.override.yaml").write_text(override.replace("  proxy:", f"  proxy:\n{ports}"))
        for one in (back, page):  # what is called first, as deploy/README.md says
            (one.project / "deploy/compose/compose.own.yaml").write_text(
                yaml.safe_dump({"services": images(one, "compose.prod.yaml")})
            )
            one.deployed("one")
        yield page, back


def images(host: Host, *files: str) -> dict[str, Any]:
    """Stand-ins for the images that are named by their digest."""
    services: dict[str, Any] = {}
    for file in files if ENGINE.exists() else ():
        read = yaml.safe_load((host.project / "deploy/compose" / file).read_text())
        for name, service in read["services"].items():
            if "@sha256:" in service["image"]:
                services[name] = {"image": service["image"].partition("@")[0]}
    return services


def items(page: Host) -> list[str]:
    answer = page.ask("/api/items")
    assert answer.status == 200, answer
    return [item["name"] for item in answer.json["items"]]


def test_what_is_added_in_a_browser_outlives_a_deployment(stack: tuple[Host, Host], tmp_path: Path) -> None:
    """By the page's own tests in Chromium, through the proxy; no request is lost meanwhile."""
    page, back = stack
    tools = with_tools(page.project, tmp_path)
    browser = tmp_path / "browser"  # which finds the name here, and takes the proxy's own authority
    rules = shlex.quote(f"--host-resolver-rules=MAP {page.site} 127.0.0.1")
    browser.write_text(f'#!/bin/sh\nexec {tools["CHROMIUM"]} {rules} --ignore-certificate-errors "$@"\n')
    browser.chmod(0o755)
    settings = tools | {"CHROMIUM": str(browser), "BASE_URL": f"https://{page.site}:{page.https}"}

    browse(page.project, settings)
    added = items(page)
    assert re.fullmatch(r"bolt \d+", added[0])
    with page.under_load(path="/api/items"):
        for host in (back, page):
            host.deployed("two")
    assert items(page) == added
    assert json.loads(engine.docker("inspect", f"{back.name}-cache-1"))[0]["State"]["Health"]["Status"] == "healthy"
    browse(page.project, settings)
    assert items(page)[-len(added) :] == added

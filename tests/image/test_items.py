"""The slice that ships: a table and three routes, from HTTP to PostgreSQL and back."""

import re
import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.image.conftest import Service
from tests.image.place import with_data
from tests.support import contract
from tests.support.engine.container import Answer, Container
from tests.support.engine.database import Server

pytestmark = pytest.mark.engine

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")


def made(container: Container, name: str, quantity: int = 1, **more: Any) -> dict[str, Any]:
    answer = container.post("/items", {"name": name, "quantity": quantity} | more)
    assert answer.status == 201, answer
    item: dict[str, Any] = answer.json
    return item


def test_an_item_is_made_and_found(shop: Container) -> None:
    answer = shop.post("/items", {"name": "bolt M8", "quantity": 3, "colour": "not known"})
    assert answer.status == 201
    assert answer.headers["content-type"].startswith("application/json")
    item = answer.json
    assert answer.headers["location"] == shop.at(f"/items/{item['id']}")
    assert item.keys() == {"id", "name", "quantity", "created_at"}
    assert (type(item["id"]), item["name"], item["quantity"]) == (int, "bolt M8", 3)
    assert TIME.fullmatch(item["created_at"]), item
    assert abs(datetime.now(UTC) - datetime.fromisoformat(item["created_at"])) < timedelta(minutes=2)
    again = shop.get(answer.headers["location"])
    assert (again.status, again.json) == (200, item)


def test_the_borders_of_a_rule_are_within(shop: Container) -> None:
    for name in (
        "x",
        "x" * 100,
        "🐟" * 100,
        "é" * 100,
        " ",
        "👨‍👩‍👧",
        "'; DROP TABLE items; --",
        '"\\/',
        "\u2028\ufeff",
    ):
        for quantity in (0, 1_000_000):
            unique = f"{name[:-1]}{quantity}" if len(name) > 50 else f"{name}{quantity}"
            unique = unique[-100:] if quantity else name
            assert made(shop, unique, quantity).items() >= {"name": unique, "quantity": quantity}.items()


def test_names_that_look_alike_are_two(shop: Container) -> None:
    ids = {made(shop, name)["id"] for name in ("Nut", "nut", "nut ", "e\u0301tau", "\u00e9tau")}
    assert len(ids) == 5


def test_the_list_goes_from_the_newest_to_the_oldest(shop: Container) -> None:
    batch = uuid.uuid4().hex
    ids = [made(shop, f"{batch} {number}")["id"] for number in range(7)]
    first = shop.get("/items?limit=3").json
    assert first.keys() == {"items", "next"}
    assert [item["id"] for item in first["items"]] == ids[:3:-1]
    assert first["next"] == str(ids[4])
    made(shop, f"{batch} between two pages")
    second = shop.get(f"/items?limit=3&cursor={first['next']}").json
    assert [item["id"] for item in second["items"]] == ids[3:0:-1], "nothing twice, though something was made since"
    assert second["items"][0] == shop.get(f"/items/{ids[3]}").json


def test_the_list_ends(shop: Container) -> None:
    for number in range(3):
        made(shop, f"{uuid.uuid4().hex} {number}")
    found: list[int] = []
    query = "limit=100"
    while True:
        page = shop.get(f"/items?{query}").json
        found += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        assert len(page["items"]) == 100
        query = f"limit=100&cursor={page['next']}"
    assert found == sorted(set(found), reverse=True)
    last = shop.get(f"/items?limit=2&cursor={found[-2] + 1}").json
    assert ([item["id"] for item in last["items"]], last["next"]) == (found[-2:], None), "a full page may be the last"
    assert shop.get(f"/items?cursor={found[-1]}").json == {"items": [], "next": None}
    assert shop.get("/items?cursor=9223372036854775807").json == shop.get("/items?limit=20").json


def test_one_name_is_made_once_however_many_ask(shop: Container) -> None:
    answers: list[Answer] = []
    item = {"name": uuid.uuid4().hex, "quantity": 1}
    asking = [threading.Thread(target=lambda: answers.append(shop.post("/items", item))) for _ in range(20)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert sorted(answer.status for answer in answers) == [201] + [409] * 19


def test_the_items_outlive_the_service(
    service: Service, keeper: Service, postgres: Server, migrated: str, shop: Container
) -> None:
    item = made(shop, uuid.uuid4().hex)
    with with_data(service, keeper, *postgres.settings(migrated)) as another:
        assert another.get(f"/items/{item['id']}").json == item


@pytest.mark.own_database
def test_the_routes_are_patterns_in_log_and_metrics(shop: Container) -> None:
    item = made(shop, uuid.uuid4().hex)
    cases = [
        (f"/items/{item['id']}", "/items/{id}", 200),
        ("/items/4711000", "/items/{id}", 404),
        ("/items", "/items", 200),
    ]
    for path, route, status in cases:
        identity = uuid.uuid4().hex
        shop.get(path, X_Request_ID=identity)
        line = shop.lines_of(identity)[-1]
        assert (line["message"], line["route"], line["status"]) == ("request", route, status)
    metrics = shop.metrics('route="/items/{id}"', 'route="/items"').body
    labels = re.findall(r"\{.*\}", metrics)  # not the values: any digits can be in a sum of seconds
    assert any('route="/items/{id}"' in label for label in labels)
    assert not any("4711" in label for label in labels)


def test_the_metrics_are_those_of_the_contract(service: Service, shop: Container) -> None:
    """Dashboards and alerts read them; tests/dashboards asks what was recorded of them."""
    shop.get("/items")
    found = contract.exposed(shop.metrics('level="error"', 'version="1.2.3"').body)
    for name, labels in contract.metrics(service.language).items():
        assert name in found, f"there is no {name}"
        assert labels <= found[name], name

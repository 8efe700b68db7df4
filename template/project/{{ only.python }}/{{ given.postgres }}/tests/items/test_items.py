from typing import Any

import pytest
from fastapi.testclient import TestClient


@pytest.mark.integration
def test_an_item_is_added_and_found(client: TestClient) -> None:
    added = client.post("/items", json={"name": "Bolt, 6 mm", "quantity": 3, "unknown": True})
    assert added.status_code == 201
    item = added.json()
    assert (item["name"], item["quantity"]) == ("Bolt, 6 mm", 3)
    assert item["created_at"].endswith("Z")
    assert added.headers["Location"] == f"/items/{item['id']}"
    assert client.get(added.headers["Location"]).json() == item


@pytest.mark.integration
def test_a_name_is_taken_once(client: TestClient) -> None:
    assert client.post("/items", json={"name": "Bolt", "quantity": 3}).status_code == 201
    assert client.post("/items", json={"name": "Bolt", "quantity": 4}).status_code == 409
    assert [item["quantity"] for item in client.get("/items").json()["items"]] == [3]


@pytest.mark.integration
def test_the_list_comes_in_pages(client: TestClient) -> None:
    for number in range(5):
        client.post("/items", json={"name": f"Bolt {number}", "quantity": number})
    pages, cursor = [], ""
    while True:
        page = client.get(f"/items?limit=2{cursor}").json()
        pages.append([item["quantity"] for item in page["items"]])
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert pages == [[4, 3], [2, 1], [0]]


@pytest.mark.integration
@pytest.mark.parametrize("identifier", ["1", "0", "-1", "one", "1.0", "1_0", str(2**63), "9" * 5000])
def test_what_is_not_there_is_not_found(client: TestClient, identifier: str) -> None:
    assert client.get(f"/items/{identifier}").status_code == 404


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "cursor=0", "cursor=x", f"cursor={2**63}"])
def test_a_query_that_makes_no_sense_is_refused(client: TestClient, query: str) -> None:
    assert client.get(f"/items?{query}").status_code == 400


@pytest.mark.parametrize("name", ["", "x" * 101, "two\nlines", "nul\0", "\x7f", 1, None])
def test_a_name_has_1_to_100_characters_and_none_that_controls(client: TestClient, name: Any) -> None:
    answer = client.post("/items", json={"name": name, "quantity": 1})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["#/name"]


@pytest.mark.parametrize("quantity", [-1, 1_000_001, 1.0, 1.5, True, "1", None, 10**40])
def test_a_quantity_is_a_number_of_pieces(client: TestClient, quantity: Any) -> None:
    answer = client.post("/items", json={"name": "Bolt", "quantity": quantity})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["#/quantity"]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b'{"name":', "application/json", 400),
        (b"", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"null", "application/json", 422),
        (b"[]", "application/json", 422),
        (b'{"name": "\\ud800", "quantity": 1}', "application/json", 422),
        (b'{"name": "Bolt", "quantity": NaN}', "application/json", 400),
        (b'{"name": "Bolt", "quantity": 1}', "text/plain", 415),
    ],
)
def test_a_body_that_is_no_item_is_refused(client: TestClient, body: bytes, content_type: str, status: int) -> None:
    answer = client.post("/items", content=body, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert "Bolt" not in answer.text

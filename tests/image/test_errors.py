"""What a caller gets who asks wrongly: one form, RFC 9457, and nothing of what was sent."""

import json
import uuid
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import pytest

from tests.image.conftest import Service
from tests.support.engine import wire
from tests.support.engine.container import Answer, Container

pytestmark = pytest.mark.engine

T = TypeVar("T")
SENT = "swordfish"  # by the caller, wherever there is room for it
MEMBERS = {"type", "title", "status", "detail", "errors"}
# Each is JSON, and breaks a rule of the field, or of the body, that the pointer names.
BROKEN: list[tuple[Any, str]] = [
    ({"quantity": 1}, "#/name"),
    ({"name": "swordfish-1"}, "#/quantity"),
    ({"name": "", "quantity": 1}, "#/name"),
    ({"name": SENT + "x" * 92, "quantity": 1}, "#/name"),
    ({"name": "🐟" * 101, "quantity": 1}, "#/name"),
    ({"name": None, "quantity": 1}, "#/name"),
    ({"name": 4711, "quantity": 1}, "#/name"),
    ({"name": [SENT], "quantity": 1}, "#/name"),
    ({"name": f"{SENT}\0", "quantity": 1}, "#/name"),
    ({"name": f"{SENT}\n", "quantity": 1}, "#/name"),
    ({"name": f"{SENT}\x7f", "quantity": 1}, "#/name"),
    ({"name": f"{SENT}\x85", "quantity": 1}, "#/name"),
    ({"name": SENT, "quantity": -1}, "#/quantity"),
    ({"name": SENT, "quantity": 1_000_001}, "#/quantity"),
    ({"name": SENT, "quantity": 10**30}, "#/quantity"),
    ({"name": SENT, "quantity": "4711"}, "#/quantity"),
    ({"name": SENT, "quantity": 47.5}, "#/quantity"),
    ({"name": SENT, "quantity": True}, "#/quantity"),
    ({"name": SENT, "quantity": None}, "#/quantity"),
    ([SENT], "#"),
    (SENT, "#"),
    (4711, "#"),
]
NO_JSON = [
    b"", b" ", b"{", b'{"name": "swordfish", "quantity": 1', b'{"name": "swordfish" "quantity": 1}', b"swordfish",
    b'{"name": "swordfish", "quantity": 1}}', b'{"name": "sword\xff", "quantity": 1}',
    b'{"name": "swordfish", "quantity": NaN}', b"{'name': 'swordfish', 'quantity': 1}", b"\xff\xfe{\0}\0",
]  # fmt: skip


def problem(answer: Answer, *statuses: int) -> dict[str, Any]:
    """The body of an error; asserts that it has the one form, and nothing of what was sent."""
    assert answer.status in statuses, answer
    assert answer.headers["content-type"].startswith("application/problem+json"), answer
    body: dict[str, Any] = answer.json
    assert body.keys() <= MEMBERS, body
    assert body.get("type", "about:blank") == "about:blank"
    assert body["status"] == answer.status
    assert body["title"], body
    assert "detail" not in body or body["detail"], body
    assert SENT not in answer.body, answer.body
    assert "4711" not in answer.body, answer.body
    assert uuid.UUID(answer.headers["x-request-id"])
    return body


def each(cases: Iterable[T], check: Callable[[T], object]) -> None:
    """Check all of them, and name those that fail."""
    wrong = {}
    for case in cases:
        try:
            check(case)
        except AssertionError as error:
            wrong[repr(case)[:100]] = str(error)[:500]
    assert wrong == {}


def test_a_rule_that_is_broken_is_named(shop: Container) -> None:
    def check(case: tuple[Any, str]) -> None:
        content, pointer = case
        errors = problem(shop.post("/items", content), 422)["errors"]
        assert pointer in [error["pointer"] for error in errors], errors
        assert all(error.keys() == {"pointer", "detail"} and error["detail"] for error in errors), errors

    each(BROKEN, check)
    problem(shop.post("/items", None), 422)


def test_each_broken_rule_has_an_error_of_its_own(shop: Container) -> None:
    errors = problem(shop.post("/items", {"name": "", "quantity": -1}), 422)["errors"]
    assert {error["pointer"] for error in errors} == {"#/name", "#/quantity"}


def test_what_is_no_json_is_malformed(shop: Container) -> None:
    def check(body: bytes) -> None:
        assert "errors" not in problem(shop.post("/items", body), 400)

    each(NO_JSON, check)


def test_depth_breaks_nothing(shop: Container) -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    problem(shop.post("/items", deep), 400, 422)
    problem(shop.post("/items", deep[:100_000]), 400, 422)
    answer = shop.post("/items", b'{"name": "deep", "quantity": 1, "note": ' + deep + b"}")
    assert answer.status == 201 or problem(answer, 400, 422)


def test_a_lone_surrogate_is_refused(shop: Container) -> None:
    r"""PostgreSQL takes none, and an answer could not be written: `"\ud800"` is JSON all the same."""
    for escape in (r"\ud800", r"\udfff", r"\ud800\ud800", r"sword\udc00fish"):
        problem(shop.post("/items", f'{{"name": "{escape}", "quantity": 1}}'.encode()), 400, 422)


def test_a_body_of_another_kind_is_refused(shop: Container) -> None:
    body = json.dumps({"name": SENT, "quantity": 1}).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml", "multipart/form-data"):
        problem(shop.get("/items", "POST", body, Content_Type=kind), 415)
    problem(shop.get("/items", "POST", body), 415)
    assert shop.get("/items", "POST", b"{}", Content_Type="application/json; charset=utf-8").status == 422


def test_a_bad_query_is_malformed(shop: Container) -> None:
    queries = (
        "limit=0", "limit=101", "limit=-1", "limit=swordfish", "limit=", "limit=1.5", "limit=99999999999999999999",
        "cursor=swordfish", "cursor=0", "cursor=-1", "cursor=", "cursor=9223372036854775808", "cursor=1%00",
    )  # fmt: skip
    each(queries, lambda query: problem(shop.get(f"/items?{query}"), 400))


def test_what_is_not_there_is_not_found(shop: Container) -> None:
    paths = (
        "/swordfish", "/items/", "/items/swordfish", "/items/0", "/items/-1", "/items/1.0",
        "/items/9223372036854775807", "/items/9223372036854775808", "/items/99999999999999999999999", "/items/1/more",
        "/healthz/", "/readyz/", "/metrics/", "/%F0%9F%90%9F/swordfish",
    )  # fmt: skip
    each(paths, lambda path: problem(shop.get(path, X_Forwarded_Proto="https"), 404))
    problem(shop.post("/swordfish", {"name": SENT}), 404)
    for path in ("/items/%00", "/items/1%00", "/%00swordfish"):  # the server itself may refuse these
        answer = shop.get(path)
        assert answer.status in {400, 404}, path
        assert SENT not in answer.body


def test_another_method_is_not_allowed(shop: Container) -> None:
    for method, path in [("DELETE", "/items"), ("PUT", "/items/1"), ("POST", "/healthz"), ("PROPFIND", "/items")]:
        problem(shop.get(path, method), 404, 405)


def test_a_name_that_is_taken_is_a_conflict(shop: Container) -> None:
    item = {"name": f"{SENT}-taken", "quantity": 1}
    assert shop.post("/items", item).status == 201
    for _ in range(2):
        problem(shop.post("/items", item), 409)


def test_a_body_that_is_too_long_is_refused(shop: Container) -> None:
    problem(shop.post("/items", b'{"name": "swordfish", "quantity": 1, "note": "' + b"x" * 2**20 + b'"}'), 413)


def test_without_its_data_the_service_is_unavailable(container: Container) -> None:
    for answer in (
        container.get("/items"),
        container.get("/items/1"),
        container.post("/items", {"name": "a", "quantity": 1}),
    ):
        assert problem(answer, 503)
        assert answer.headers["retry-after"] == "1"


def test_a_failure_has_its_reason_in_the_log_alone(service: Service) -> None:
    """A port where nobody listens: the reason is for the owner, and found by the id that the caller has."""
    with service.start(service.asks(1)) as container:
        container.wait_until_it_answers()
        answer = container.get("/items", X_Request_ID="look-for-me")
        lines = container.lines_of("look-for-me")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert "127.0.0.1" not in answer.body
    assert [line["status"] for line in lines if line["message"] == "request"] == [503]
    assert [line for line in lines if line["level"] == "error" and line.get("error")], lines


def test_head_is_answered_where_get_is(shop: Container) -> None:
    for path, status in [("/", 200), ("/healthz", 200), ("/readyz", 200), ("/metrics", 200), ("/items", 200)]:
        answer = shop.get(path, "HEAD")
        assert (answer.status, answer.body) == (status, ""), path
    assert shop.get("/items/0", "HEAD").status == 404


def test_an_upgrade_that_nobody_offers_is_passed_over(service: Service, container: Container) -> None:
    answer = container.get(
        "/", Connection="Upgrade", Upgrade="websocket", Sec_WebSocket_Version="13",
        Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==",
    )  # fmt: skip
    assert service.says_who_it_is(answer), answer
    loud = [line for line in container.lines() if line["level"] in {"warn", "error"}]
    assert loud == []


REFUSED = {
    "no http": b"this is no http\r\n\r\n",
    "a long header": wire.HEAD + b"X-Long: " + b"x" * 70_000 + b"\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
}


def test_what_the_parser_refuses_is_one_line(container: Container) -> None:
    for number, (name, bad) in enumerate(REFUSED.items(), start=1):
        assert wire.poured(container, bad, []).status in {0, 400, 414, 431}, name
        assert container.loud_lines(number) == [("warn", "bad request")] * number, name
    container.metrics('route="unmatched"')

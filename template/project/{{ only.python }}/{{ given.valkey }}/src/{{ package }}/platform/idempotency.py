"""A POST or PATCH with `Idempotency-Key` is done once, however often it comes: who got no answer asks again.

The header: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/ ; the rest as at Stripe,
https://docs.stripe.com/api/idempotent_requests .
"""

import base64
import hashlib
import json
import logging
import re
import uuid
from collections.abc import Sequence
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .about import NAME
from .cache import Cache, CacheError
from .errors import Problem

METHODS = frozenset({"POST", "PATCH"})
KEY = re.compile(r'("?)([!#-\[\]-~]{1,255})\1')
RUNNING = 60  # seconds; more than a request may take: should the service die, so long is its key taken
KEPT = 24 * 60 * 60  # seconds
HEADERS = frozenset({b"content-type", b"etag", b"link", b"location"})  # of an answer, those that are kept

log = logging.getLogger(__name__)


class Idempotent:
    """ASGI middleware around the routes, inside of what observes them."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute], cache: Cache, body: int) -> None:
        self.app = app
        self.routes = routes
        self.cache = cache
        self.limit = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = Headers(scope=scope).getlist("idempotency-key") if scope["type"] == "http" else []
        if not given or scope["method"] not in METHODS:
            await self.app(scope, receive, send)
            return
        scope["route"] = route_of(self.routes, scope)
        key = KEY.fullmatch(", ".join(given))
        if key is None:
            detail = "Idempotency-Key: expected 1 to 255 visible ASCII characters, perhaps in quotes"
            await Problem(400, detail=detail)(scope, receive, send)
            return
        body = await whole(receive, self.limit)
        if body is None:
            await Problem(413)(scope, receive, send)
            return
        # A key is one path's. With another query, body or caller it is another request, which gets nothing of this one.
        name = f"idempotency:{NAME}:{digest(scope['method'], scope['path'], key[2])}"
        request = digest(scope["query_string"], Headers(scope=scope).get("authorization", ""), body)
        mine = json.dumps({"request": request, "running": str(uuid.uuid4())})
        try:
            found = await self.cache.claim(name, mine, RUNNING)
        except CacheError as error:
            scope["failure"] = error
            await Problem(503, {"Retry-After": "1"})(scope, receive, send)
            return
        if found == mine:
            await self.app(scope, again(body, receive), Kept(self.cache, name, mine, request, send))
        else:
            await answer(json.loads(found), request)(scope, receive, send)


class Kept:
    """Holds an answer back until it is whole and kept; what has changed nothing is not kept, and may be tried again."""

    def __init__(self, cache: Cache, name: str, mine: str, request: str, send: Send) -> None:
        self._cache, self._name, self._mine, self._request, self._send = cache, name, mine, request, send
        self._start: Message = {}
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        try:
            if self._start["status"] < 400:
                await self._cache.replace(self._name, self._mine, self._as_text(), KEPT)
            else:
                await self._cache.replace(self._name, self._mine)
        except CacheError as error:
            log.warning("answer not kept", extra={"error": str(error)})
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": bytes(self._body)})

    def _as_text(self) -> str:
        headers = {name.decode(): value.decode("latin-1") for name, value in self._start["headers"] if name in HEADERS}
        body = base64.b64encode(self._body).decode()
        return json.dumps({"request": self._request, "status": self._start["status"], "headers": headers, "body": body})


def route_of(routes: Sequence[BaseRoute], scope: Scope) -> Any:
    """The route, of which log and metrics have the pattern though it is not called; None where there is none."""
    for route in routes:
        # What `include_router` adds is one for all that it brings.
        inside = getattr(route, "effective_route_contexts", None)
        for each in inside() if inside else [route]:
            if each.matches(scope)[0] is Match.FULL:
                return each
    return None


def answer(found: dict[str, Any], request: str) -> ASGIApp:
    if found["request"] != request:
        other = {"pointer": "#", "detail": "expected the request that this Idempotency-Key came with first"}
        return Problem(422, errors=[other])
    if "running" in found:
        return Problem(409, {"Retry-After": "1"}, detail="A request with this Idempotency-Key is still running.")
    headers = found["headers"] | {"Idempotent-Replayed": "true"}
    return Response(base64.b64decode(found["body"]), found["status"], headers)


def digest(*parts: str | bytes) -> str:
    """SHA-256 of the parts, in which the border between two of them counts."""
    whole = hashlib.sha256()
    for part in parts:
        encoded = part.encode() if isinstance(part, str) else part
        whole.update(len(encoded).to_bytes(8))
        whole.update(encoded)
    return whole.hexdigest()


async def whole(receive: Receive, limit: int) -> bytes | None:
    """The body; None where it is longer than the limit."""
    body, more = bytearray(), True
    while more:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > limit:
            return None
        more = message.get("more_body", False)
    return bytes(body)


def again(body: bytes, receive: Receive) -> Receive:
    """Give the body that was read already, then what comes after it."""
    read = False

    async def replay() -> Message:
        nonlocal read
        if read:
            return await receive()
        read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay

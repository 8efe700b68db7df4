"""What happens around every request: an id, a time limit, metrics, a log line."""

import asyncio
import logging
import re
import time
import uuid
from collections.abc import Sequence
from typing import Any

from fastapi import Depends, Request
from prometheus_client import Counter, Histogram, Info
from starlette.datastructures import Headers, MutableHeaders
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import logs
from .errors import Problem

SECONDS = 30.0
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"})
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})  # asked every few seconds: not worth a line each
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")  # anything else could forge log fields
LABELS = ("method", "route", "status")

requests = Counter("http_requests", "HTTP requests, by method, route and status.", LABELS)
duration = Histogram("http_request_duration_seconds", "Time taken to answer an HTTP request.", LABELS)
build = Info("build", "The version that runs.")

log = logging.getLogger(__name__)


def time_limit(seconds: float) -> Any:
    """For a route that takes longer than others: `@router.post("/reports", dependencies=[time_limit(120)])`."""

    async def extend(request: Request) -> None:
        request.scope["deadline"].reschedule(asyncio.get_running_loop().time() + seconds)

    return Depends(extend)


class Observe:
    """ASGI middleware around all others, the owner's too."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self.app = app
        self.routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else str(uuid.uuid4())
        logs.request_id.set(request_id)
        # HEAD is answered where GET is: the server leaves the body out.
        inner: Scope = {**scope, "method": "GET" if scope["method"] == "HEAD" else scope["method"]}
        status: int | None = None
        waits_for_body = replaced = False
        start = time.perf_counter()

        async def receive_body() -> Message:
            nonlocal waits_for_body
            waits_for_body = True
            message = await receive()
            waits_for_body = False
            return message

        async def send_answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        async def send_of_the_app(message: Message) -> None:
            nonlocal replaced
            deadline.reschedule(None)  # an answer that has begun may take its time
            # Starlette answers a body that is too long by a text.
            if message.get("status") == 413 and Headers(scope=message).get("content-type", "").startswith("text/plain"):
                replaced = True
                await Problem(413)(scope, receive, send_answer)
            elif not replaced:
                await send_answer(message)

        failure: BaseException | None = None
        try:
            async with asyncio.timeout(SECONDS) as deadline:
                inner["deadline"] = deadline
                await self.app(inner, receive_body, send_of_the_app)
            failure = inner.get("failure")
        except asyncio.CancelledError as error:  # the stop took too long
            failure = error
            raise
        except Exception as error:
            failure = error
            if status is None:  # else the caller has a part of an answer, and all that is left is to hang up
                problem = Problem(500)
                if deadline.expired():
                    problem = Problem(408 if waits_for_body else 503, {"Connection": "close"})
                    failure = None if waits_for_body else error
                await problem(scope, receive, send_answer)
        finally:
            route = route_of(inner, scope, self.routes)
            record(scope["method"], route, status or 500, time.perf_counter() - start, failure)


def route_of(inner: Scope, scope: Scope, routes: Sequence[BaseRoute]) -> str:
    """The pattern that matched: a path can hold ids, and has no end of values."""
    route = inner.get("route")
    if route is None or inner.get("root_path") != scope.get("root_path"):
        return pattern(routes, {**scope, "method": inner["method"]}) or "unmatched"
    # Where a router is included with a prefix, FastAPI keeps the whole pattern beside the route.
    included = inner.get("fastapi", {}).get("effective_route_context")
    path: str = (included if getattr(included, "original_route", None) is route else route).path
    return path


def pattern(routes: Sequence[BaseRoute], scope: Scope) -> str:
    """The same for what FastAPI does not tell: plain routes, and applications that are mounted."""
    for route in routes:
        match, child = route.matches(scope)
        if match is Match.FULL:
            inside = pattern(route.routes or (), {**scope, **child}) if isinstance(route, Mount) else ""
            return getattr(route, "path", "") + inside
    return ""


def count(method: str, route: str, status: int, seconds: float) -> None:
    requests.labels(method, route, status).inc()
    duration.labels(method, route, status).observe(seconds)


def record(method: str, route: str, status: int, seconds: float, failure: BaseException | None) -> None:
    """Count and log a finished request."""
    method = method if method in METHODS else "OTHER"
    count(method, route, status, seconds)
    level = logging.DEBUG if route in PROBES else logging.ERROR if failure or status >= 500 else logging.INFO
    fields = {"method": method, "route": route, "status": status, "duration_ms": round(seconds * 1000, 3)}
    log.log(level, "request", extra=fields, exc_info=failure)

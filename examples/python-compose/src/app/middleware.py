"""What happens around every request: an id, a log line, metrics."""

import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import metrics

log = logging.getLogger(__name__)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"})
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})  # asked every few seconds: not worth a line each
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")  # anything else could forge log fields


class Observe:
    """ASGI middleware: takes or makes the request's id, and records the request when it is done."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else str(uuid.uuid4())
        status: int | None = None
        start = time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        failure: Exception | None = None
        try:
            await self.app(scope, receive, send_with_id)
        except Exception as error:
            failure = error
            if status is None:  # else the caller has a part of an answer, and all that is left is to hang up
                await JSONResponse({"error": "internal server error"}, 500)(scope, receive, send_with_id)
        finally:
            record(scope, status or 500, time.perf_counter() - start, request_id, failure)


def record(scope: Scope, status: int, seconds: float, request_id: str, failure: Exception | None) -> None:
    """Count and log a finished request, by the route's pattern: a path can hold ids, and has no end of values."""
    route = getattr(scope.get("route"), "path", "unmatched")
    method = scope["method"] if scope["method"] in METHODS else "OTHER"
    metrics.requests.labels(method, route, status).inc()
    metrics.duration.labels(method, route, status).observe(seconds)

    level = logging.DEBUG if route in PROBES else logging.ERROR if status >= 500 else logging.INFO
    log.log(
        level,
        "request",
        extra={
            "method": method,
            "route": route,
            "status": status,
            "duration_ms": round(seconds * 1000, 3),
            "request_id": request_id,
        },
        exc_info=failure,
    )

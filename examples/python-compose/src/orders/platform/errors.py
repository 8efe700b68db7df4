"""Errors as RFC 9457 has them, in which nothing of the request is repeated."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.utils import is_body_allowed_for_status_code
from pydantic import BaseModel
from starlette.exceptions import HTTPException


class Member(BaseModel):
    """A rule that the body breaks."""

    pointer: str
    detail: str


class ProblemDetails(BaseModel):
    """The body of every error, for /openapi.json."""

    type: str
    title: str
    status: int
    detail: str | None = None
    errors: list[Member] | None = None


class Problem(JSONResponse):
    """An error, as every caller gets it."""

    media_type = "application/problem+json"

    def __init__(self, status: int, headers: Mapping[str, str] | None = None, **members: Any) -> None:
        super().__init__({"type": "about:blank", "title": phrase(status), "status": status, **members}, status, headers)


def phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus else "Error"


async def raised(request: Request, error: HTTPException) -> Response:
    """`raise HTTPException(409, "Sold out")`; a mapping in place of the text adds its members."""
    if not is_body_allowed_for_status_code(error.status_code):
        return Response(status_code=error.status_code, headers=error.headers)
    if error.status_code >= 500:
        request.scope["failure"] = error.__cause__ or error
    detail: Any = error.detail
    if not isinstance(detail, Mapping):
        detail = {} if detail == phrase(error.status_code) else {"detail": detail}
    return Problem(error.status_code, error.headers, **detail)


async def invalid(request: Request, error: RequestValidationError) -> Response:
    """What does not fit the types of a route's parameters."""
    problems = error.errors()
    places = {problem["loc"][0] for problem in problems}
    if "path" in places:  # a path that can't be is not there
        return Problem(404)
    if "body" not in places:
        return Problem(400, detail="; ".join(f"{p['loc'][-1]}: {expected(p)}" for p in problems))
    if error.body and isinstance(error.body, bytes):
        return Problem(415, detail="Content-Type: expected application/json")
    if not is_json(await request.body()):
        return Problem(400, detail="The body is not JSON")
    return Problem(422, errors=[{"pointer": pointer(p["loc"][1:]), "detail": expected(p)} for p in problems])


def is_json(body: bytes) -> bool:
    """As the standard has it; Python's own parser takes NaN and UTF-16 too."""
    try:
        json.loads(body.decode(), parse_constant=refuse)
    except (ValueError, RecursionError):
        return False
    return True


def refuse(_: str) -> None:
    raise ValueError("no JSON")


def expected(problem: Mapping[str, Any]) -> str:
    """Pydantic's message, except the one that repeats the input."""
    return "Input is of no known kind" if problem["type"] == "union_tag_invalid" else str(problem["msg"])


def pointer(location: tuple[str | int, ...]) -> str:
    return "#" + "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in location)


async def failed(_: Request, __: Exception) -> Response:
    """An error that nobody expected: the log has the reason."""
    return Problem(500)

"""The application that the routes are added to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import override

from fastapi import FastAPI, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from . import errors
from .about import NAME
from .health import Health
from .postgres import Database, UnavailableError, unavailable
from .requests import PROBES, Observe, build
from .settings import PlatformSettings

BODY = 1024 * 1024  # bytes; another number for one route: `@router.post("/photos", max_body_size=10 * 1024 * 1024)`


class Service(FastAPI):
    """An application whose requests are observed from the outside, whatever middleware is added."""

    health: Health

    @override
    def build_middleware_stack(self) -> ASGIApp:
        return Observe(super().build_middleware_stack(), self.routes)

    def include(self, part: str) -> None:
        """Serve a package of this service, by the `router` in it."""
        self.include_router(import_module(f"..{part}", __package__).router)


def create(settings: PlatformSettings) -> Service:
    """Make the application. A check of readiness is added by `app.health.checks["payments"] = ping`."""
    database = Database(settings.database_url, settings.database_pool_size)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await app.state.database.close()

    app = Service(
        title=NAME,
        version=settings.version,
        lifespan=lifespan,
        max_body_size=BODY,
        redirect_slashes=False,
        docs_url=None,  # the pages load scripts from elsewhere
        redoc_url=None,
        exception_handlers={
            HTTPException: errors.raised,
            RequestValidationError: errors.invalid,
            UnavailableError: unavailable,
            Exception: errors.failed,
        },
        responses={"default": {"description": "A problem", "model": errors.ProblemDetails}},
        telemetry={
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "exclude": lambda scope: scope["path"] in PROBES,
        },
    )
    build.info({"version": settings.version})
    app.health = Health()
    app.state.database = database
    if settings.database_url:
        app.health.checks["database"] = database.check

    @app.get("/", include_in_schema=False)
    async def index() -> dict[str, str]:
        return {"service": NAME, "version": settings.version}

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> JSONResponse:
        status, body = await app.health.readiness()
        return JSONResponse(body, status)

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app

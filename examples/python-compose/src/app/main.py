"""The application: its routes and what they need."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

from .about import NAME
from .database import Database
from .health import Health
from .middleware import Observe
from .settings import Settings


def create_app(settings: Settings) -> FastAPI:
    """Build the application. `app.state.health.stopping = True` makes it unready."""
    database = Database(settings) if settings.database_url else None
    health = Health({"database": database.check} if database else {})

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if database:
            await database.open()
        yield
        if database:
            await database.close()

    # No page of documentation unless you choose to publish one: set openapi_url to "/openapi.json".
    app = FastAPI(title=NAME, version=settings.version, openapi_url=None, lifespan=lifespan)
    app.state.health = health

    @app.get("/")
    async def index() -> dict[str, str]:
        return {"service": NAME, "version": settings.version}

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        status, body = await health.readiness()
        return JSONResponse(body, status)

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"error": error.detail.lower()}, error.status_code, error.headers)

    app.add_middleware(Observe)
    return app

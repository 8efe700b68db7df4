"""The database: a pool of connections, each made when it is first needed, and one more for readiness."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

import asyncpg
from fastapi import Depends, Request
from opentelemetry.trace import SpanKind, StatusCode, get_tracer
from sqlalchemy import MetaData, event, exc
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from .about import NAME
from .environment import read
from .errors import Problem

CONNECT = POOL = 5.0  # seconds
# Seconds. After 10 the server ends it, by the setting of its role (deploy/database/roles.sh), unless it is frozen.
STATEMENT = 11.0

FORM = "expected postgresql://user@host:5432/name"

tracer = get_tracer(__name__)


class UnavailableError(Exception):
    """The database gives no answer, or no connection, in time: the caller gets 503."""


class Base(DeclarativeBase):
    """What the models of the tables derive from."""

    metadata = MetaData(
        naming_convention={
            "pk": "%(table_name)s_pkey",
            "uq": "%(table_name)s_%(column_0_name)s_key",
            "fk": "%(table_name)s_%(column_0_name)s_fkey",
            "ck": "%(table_name)s_%(constraint_name)s_check",
            "ix": "%(table_name)s_%(column_0_name)s_idx",
        }
    )


@dataclass(frozen=True)
class Address:
    """DATABASE_URL, which means in every language the same."""

    host: str
    port: int
    user: str
    database: str
    ssl: ssl.SSLContext | str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the URL; raises a ValueError that repeats nothing of it."""
        try:
            url = urlsplit(text)
            port = url.port or 5432
            options = dict(parse_qsl(url.query, keep_blank_values=True, strict_parsing=bool(url.query)))
        except ValueError:
            raise ValueError(FORM) from None
        if url.password is not None or "password" in options:
            raise ValueError("expected no password in it: set DATABASE_PASSWORD_FILE")
        name = unquote(url.path[1:])
        if url.scheme not in {"postgresql", "postgres"} or not (url.hostname and url.username and name) or url.fragment:
            raise ValueError(FORM)
        if options.keys() - {"sslmode", "sslrootcert"}:
            raise ValueError("expected no parameters but sslmode and sslrootcert")
        tls = tls_of(options.get("sslmode", "prefer"), options.get("sslrootcert"))
        return cls(url.hostname, port, unquote(url.username), name, tls)


def tls_of(mode: str, root: str | None) -> ssl.SSLContext | str:
    """What libpq means by `sslmode`; without `sslrootcert` the system's authorities are taken."""
    if mode not in {"disable", "prefer", "require", "verify-ca", "verify-full"}:
        raise ValueError("sslmode: expected disable, prefer, require, verify-ca or verify-full")
    if root is not None and not mode.startswith("verify"):
        raise ValueError("sslrootcert: expected with sslmode=verify-ca or verify-full")
    if mode in {"disable", "prefer"}:
        return mode
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = mode == "verify-full"
    if mode == "require":
        context.verify_mode = ssl.CERT_NONE
        return context
    try:
        context.load_default_certs() if root is None else context.load_verify_locations(root)
    except OSError:
        raise ValueError("sslrootcert: expected the path of a file of certificates in PEM") from None
    return context


class Database:
    """PostgreSQL. The service starts without waiting for it; readiness tells whether it answers."""

    def __init__(
        self, address: Address | None, pool_size: int = 10, statement: float | None = STATEMENT, **server_settings: str
    ) -> None:
        self._address = address
        self._options: dict[str, Any] = {
            "password": lambda: read("DATABASE_PASSWORD"),
            "timeout": CONNECT,
            "command_timeout": statement,
            "server_settings": {"application_name": NAME, **server_settings},
        }
        self.engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._connect,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=POOL,
            pool_recycle=1800,
        )
        self.sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        self._own: asyncpg.Connection[asyncpg.Record] | None = None
        self._own_is_free = asyncio.Lock()
        event.listen(self.engine.sync_engine, "checkout", replace_closed)
        event.listen(self.engine.sync_engine, "handle_error", to_unavailable)
        event.listen(self.engine.sync_engine, "before_cursor_execute", begin_span)
        event.listen(self.engine.sync_engine, "after_cursor_execute", end_span)

    async def _connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        if self._address is None:
            raise UnavailableError("DATABASE_URL is not set")
        try:
            return await asyncpg.connect(**vars(self._address), **self._options)
        except Exception as error:
            raise UnavailableError(f"no connection: {str(error) or type(error).__name__}") from error

    async def check(self) -> None:
        """Raise an error unless the database answers; over a connection of its own, for the pool's may all be busy."""
        async with self._own_is_free:
            if self._own is None or self._own.is_closed():
                self._own = await self._connect()
            try:
                await self._own.execute("SELECT 1")
            except BaseException:
                self._own.terminate()
                raise

    async def close(self) -> None:
        """Close all connections, without waiting for a server that may never answer."""
        if self._own:
            self._own.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await self.engine.dispose()


def replace_closed(connection: Any, *_: Any) -> None:
    """Take another connection from the pool where the server has closed this one, as it does when it restarts."""
    if connection.driver_connection.is_closed():
        raise exc.DisconnectionError


def to_unavailable(context: ExceptionContext) -> UnavailableError | None:
    """Tell a database that has no time, or is gone, from a statement that is wrong."""
    error = context.original_exception
    if span := getattr(context.execution_context, "span", None):
        span.set_status(StatusCode.ERROR)
        span.end()
    if isinstance(error, TimeoutError):
        context.is_disconnect = True  # it may never answer: not even a rollback
        context.invalidate_pool_on_disconnect = False
    # Connection lost, no resources, cancelled or shut down: https://www.postgresql.org/docs/current/errcodes-appendix.html
    if context.is_disconnect or str(getattr(error, "sqlstate", "")).startswith(("08", "53", "57")):
        return UnavailableError(str(error) or "no answer in time")
    return None


def begin_span(_: Any, __: Any, statement: str, ___: Any, context: Any, ____: bool) -> None:
    attributes = {"db.system.name": "postgresql", "db.query.text": statement}
    context.span = tracer.start_span(statement.split(maxsplit=1)[0], kind=SpanKind.CLIENT, attributes=attributes)


def end_span(_: Any, __: Any, ___: str, ____: Any, context: Any, _____: bool) -> None:
    context.span.end()


async def transaction(request: Request) -> AsyncIterator[AsyncSession]:
    database: Database = request.app.state.database
    try:
        async with database.sessions.begin() as session:
            yield session
    except exc.TimeoutError as error:
        raise UnavailableError("no connection of the pool is free") from error


# The type of a route's parameter: a session in a transaction, which ends before the answer is sent.
Session = Annotated[AsyncSession, Depends(transaction, scope="function")]


async def unavailable(request: Request, error: Exception) -> Problem:
    request.scope["failure"] = error
    return Problem(503, {"Retry-After": "1"})

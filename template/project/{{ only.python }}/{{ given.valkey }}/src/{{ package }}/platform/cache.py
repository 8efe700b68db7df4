"""The cache: Valkey, or what speaks its protocol. Connections are made when they are first needed."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Self, override
from urllib.parse import parse_qsl, unquote, urlsplit

from valkey.asyncio import BlockingConnectionPool, Connection, SSLConnection, Valkey
from valkey.asyncio.retry import Retry
from valkey.backoff import NoBackoff
from valkey.credentials import CredentialProvider
from valkey.exceptions import ConnectionError as NoConnectionError
from valkey.exceptions import ReadOnlyError, ValkeyError

from .environment import SettingsError, read

ANSWER = 2  # seconds for a connection, and for each answer
CONNECTIONS = 10

FORM = "expected redis://host:6379 or rediss://user@host:6379/0"

# Replaces the value that we know, if no other has its place. ARGV: that value, the new one (none: delete), its seconds.
REPLACE = """
local found = redis.call("GET", KEYS[1])
if found and found ~= ARGV[1] then return 0 end
if ARGV[2] == "" then return redis.call("DEL", KEYS[1]) end
redis.call("SET", KEYS[1], ARGV[2], "EX", ARGV[3])
return 1
"""


class CacheError(Exception):
    """The cache gives no answer in time, or one that is of no use: the caller gets 503."""


@dataclass(frozen=True)
class CacheAddress:
    """CACHE_URL, which means in every language the same."""

    host: str
    port: int
    user: str
    number: int
    tls: bool
    authorities: str | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the URL; raises a ValueError that repeats nothing of it."""
        try:
            url = urlsplit(text)
            port = url.port or 6379
            options = dict(parse_qsl(url.query, keep_blank_values=True, strict_parsing=bool(url.query)))
            number = int(url.path.removeprefix("/") or "0")
        except ValueError:
            raise ValueError(FORM) from None
        if url.password is not None or "password" in options:
            raise ValueError("expected no password in it: set CACHE_PASSWORD_FILE")
        tls = url.scheme in {"rediss", "valkeys"}
        if not (tls or url.scheme in {"redis", "valkey"}) or not url.hostname or url.fragment or number < 0:
            raise ValueError(FORM)
        if options.keys() - {"sslrootcert"}:
            raise ValueError("expected no parameter but sslrootcert")
        authorities = options.get("sslrootcert")
        if authorities is not None:
            if not tls:
                raise ValueError("sslrootcert: expected with rediss://")
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(authorities)
            except OSError:
                raise ValueError("sslrootcert: expected the path of a file of certificates in PEM") from None
        return cls(url.hostname, port, unquote(url.username or ""), number, tls, authorities)


class Password(CredentialProvider):
    """Reads the password for each new connection, so that it can change."""

    def __init__(self, user: str) -> None:
        self._user = user

    @override
    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        try:
            password = read("CACHE_PASSWORD")
        except SettingsError as error:
            raise NoConnectionError(str(error)) from error
        if password is None:
            return ()  # type: ignore[return-value]  # the library sends nothing then
        return (self._user, password) if self._user else (password,)


class Cache:
    """Valkey. The service starts without waiting for it; readiness tells whether it answers."""

    def __init__(self, address: CacheAddress | None) -> None:
        self._client = None if address is None else connect(address, CONNECTIONS)
        self._own = None if address is None else connect(address, 1)

    async def claim(self, name: str, value: str, seconds: int) -> str:
        """Set a value where there is none, and give the one that is there now. Raises a CacheError."""
        with failing():
            found = await self._asked().set(name, value, ex=seconds, nx=True, get=True)
        return value if found is None else str(found)

    async def replace(self, name: str, known: str, value: str = "", seconds: int = 0) -> None:
        """Set a value in the place of the known one, or delete that. Raises a CacheError."""
        with failing():
            await self._asked().eval(REPLACE, 1, name, known, value, str(seconds))  # type: ignore[misc]

    async def check(self) -> None:
        """Raise an error unless the cache answers; over a connection of its own, for the pool's may all be busy."""
        if self._own:
            await self._own.ping()

    async def close(self) -> None:
        for client in (self._client, self._own):
            if client:
                with suppress(ValkeyError, OSError):
                    await client.aclose()

    def _asked(self) -> Valkey:
        if self._client is None:
            raise CacheError("CACHE_URL is not set")
        return self._client


@contextmanager
def failing() -> Iterator[None]:
    """Whatever went wrong on the way, or is not as it should be over there."""
    try:
        yield
    except (ValkeyError, OSError, TimeoutError) as error:
        raise CacheError(f"cache: {str(error) or type(error).__name__}") from error


def connect(address: CacheAddress, connections: int) -> Valkey:
    """Make a client, which connects when it is asked."""
    tls: dict[str, Any] = {"ssl_check_hostname": True, "ssl_ca_certs": address.authorities} if address.tls else {}
    pool = BlockingConnectionPool(
        max_connections=connections,
        timeout=ANSWER,
        connection_class=SSLConnection if address.tls else Connection,
        host=address.host,
        port=address.port,
        db=address.number,
        credential_provider=Password(address.user),
        socket_connect_timeout=ANSWER,
        socket_timeout=ANSWER,
        socket_keepalive=True,
        decode_responses=True,
        # Once more over another connection, where this one is closed, or leads to who was the primary until a failover.
        retry=Retry(NoBackoff(), 1),
        retry_on_error=[NoConnectionError, ReadOnlyError],
        **tls,
    )
    return Valkey.from_pool(pool)

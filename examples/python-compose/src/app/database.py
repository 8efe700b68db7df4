"""The database: a pool of connections, each made when it is first needed."""

import asyncio

import asyncpg

from .settings import Settings

ANSWER_WITHIN = 2.0  # seconds


class Database:
    """PostgreSQL. The service starts without waiting for it; readiness tells whether it answers."""

    def __init__(self, settings: Settings) -> None:
        self._url = str(settings.database_url)
        self._password = settings.database_password
        self._pool: asyncpg.Pool | None = None

    async def open(self) -> None:
        """Make the pool; with no connection in it yet, it needs no server to be there."""
        password = self._password.get_secret_value() if self._password else None
        self._pool = await asyncpg.create_pool(self._url, password=password, min_size=0, max_size=10)

    @property
    def pool(self) -> asyncpg.Pool:
        """For queries: `async with database.pool.acquire() as connection`."""
        if self._pool is None:
            raise RuntimeError("the database is not open")
        return self._pool

    async def check(self) -> None:
        """Raise an error unless the database answers in time."""
        async with asyncio.timeout(ANSWER_WITHIN), self.pool.acquire() as connection:
            await connection.execute("SELECT 1")

    async def close(self) -> None:
        """Hang up at once: a polite goodbye would wait for a server that may never answer."""
        if self._pool:
            self._pool.terminate()

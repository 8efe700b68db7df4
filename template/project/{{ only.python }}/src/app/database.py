"""The database: a pool of connections that is opened on demand."""

import asyncio

import asyncpg

from .settings import Settings

ANSWER_WITHIN = 2.0  # seconds


class Database:
    """PostgreSQL. The service starts without waiting for it; readiness tells whether it answers."""

    def __init__(self, settings: Settings) -> None:
        password = settings.database_password
        self._pool = asyncpg.create_pool(
            str(settings.database_url),
            password=password.get_secret_value() if password else None,
            min_size=0,
            max_size=10,
        )

    async def open(self) -> None:
        await self._pool

    async def check(self) -> None:
        """Raise an error unless the database answers in time."""
        async with asyncio.timeout(ANSWER_WITHIN), self._pool.acquire() as connection:
            await connection.execute("SELECT 1")

    async def close(self) -> None:
        # A graceful close would wait for a server that may never answer.
        self._pool.terminate()

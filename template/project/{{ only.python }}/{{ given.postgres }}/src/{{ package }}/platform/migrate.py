"""`migrate`: applies the migrations that the database lacks, by the role that owns it."""

import asyncio
import logging
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from .postgres import Database, UnavailableError
from .settings import PlatformSettings

WAIT = 30.0  # seconds for the database to be there
STARTING = (OSError, asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError, asyncpg.TooManyConnectionsError)
HERE = Path(__file__).parent

log = logging.getLogger(__name__)


async def migrate(settings: PlatformSettings) -> int:
    """Do it, and give the exit code."""
    if settings.database_url is None:
        log.error("bad settings", extra={"error": "DATABASE_URL: expected the database to migrate"})
        return 1
    database = Database(settings.database_url, statement=None)
    try:
        applied = await upgrade(database)
    except Exception as error:
        log.error("migration failed", exc_info=error)
        return 1
    finally:
        await database.close()
    log.info("migrated", extra={"applied": applied})
    return 0


async def upgrade(database: Database) -> int:
    """Apply what is missing, and give the number. Another that runs waits until our connection ends."""
    connection = await connect(database)
    try:
        # Asked each second: a statement that waits for the lock would hold up a CREATE INDEX CONCURRENTLY.
        while not await connection.scalar(text("SELECT pg_try_advisory_lock(hashtext('migrations'))")):
            await connection.rollback()
            await asyncio.sleep(1)
        # A statement may take its time, but not wait for a lock: all that comes after it would wait too.
        await connection.execute(text("SET lock_timeout = '10s'"))
        await connection.commit()
        return await connection.run_sync(run)
    finally:
        await connection.close()


async def connect(database: Database) -> AsyncConnection:
    """Wait for a database that starts."""
    end = asyncio.get_running_loop().time() + WAIT
    while True:
        try:
            return await database.engine.connect()
        except UnavailableError as error:
            if not isinstance(error.__cause__, STARTING) or asyncio.get_running_loop().time() > end:
                raise
        await asyncio.sleep(1)


def run(connection: Connection) -> int:
    config = Config()
    config.set_main_option("script_location", str(HERE / "alembic"))
    config.set_main_option("version_locations", str(HERE.parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes |= {"connection": connection, "applied": []}
    command.upgrade(config, "heads")
    return len(config.attributes["applied"])

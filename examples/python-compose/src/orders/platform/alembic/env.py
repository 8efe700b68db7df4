"""How Alembic reaches the database: `migrate` hands it a connection; on the command line the settings do."""

import asyncio

from alembic import context
from sqlalchemy import Connection

from orders.main import create_app
from orders.platform.postgres import Base, Database
from orders.settings import Settings


def run(connection: Connection) -> None:
    applied = context.config.attributes.get("applied", [])
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        transaction_per_migration=True,
        on_version_apply=lambda step, **_: applied.append(step),
    )
    with context.begin_transaction():
        context.run_migrations()


async def connect() -> None:
    settings = Settings.load()
    create_app(settings)  # imports the models, which `alembic revision --autogenerate` compares with the tables
    if settings.database_url is None:
        raise SystemExit("DATABASE_URL: expected the database to migrate")
    database = Database(settings.database_url, statement=None)
    async with database.engine.connect() as connection:
        await connection.run_sync(run)
    await database.close()


if "connection" in context.config.attributes:
    run(context.config.attributes["connection"])
else:
    asyncio.run(connect())

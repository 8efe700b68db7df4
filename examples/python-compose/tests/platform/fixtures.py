"""What the tests are given; one that is marked `integration` has a schema of its own in the database."""

import asyncio
import uuid
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from orders.main import create_app
from orders.platform.app import Service
from orders.platform.migrate import upgrade
from orders.platform.postgres import Address, Database
from orders.settings import Settings


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("integration"):
        return
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(f"{name.upper()}_FILE", raising=False)


@pytest.fixture
def app(request: pytest.FixtureRequest) -> Service:
    app = create_app(Settings.load())
    if request.node.get_closest_marker("integration"):
        app.state.database = request.getfixturevalue("database")
    return app


@pytest.fixture
def client(app: Service) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def database() -> Iterator[Database]:
    address = Settings.load().database_url
    if address is None:
        pytest.skip("DATABASE_URL is not set")
    schema = f"test_{uuid.uuid4().hex}"
    asyncio.run(execute(address, f"CREATE SCHEMA {schema}"))
    try:
        asyncio.run(migrate(Database(address, search_path=schema)))
        yield Database(address, search_path=schema)
    finally:
        asyncio.run(execute(address, f"DROP SCHEMA {schema} CASCADE"))


async def execute(address: Address, statement: str) -> None:
    database = Database(address)
    async with database.engine.begin() as connection:
        await connection.execute(text(statement))
    await database.close()


async def migrate(database: Database) -> None:
    await upgrade(database)
    await database.close()

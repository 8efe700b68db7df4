"""What a service says to PostgreSQL: nothing that a pooler between them refuses, or keeps a connection for."""

import re

import pytest

from tests.image.conftest import Service
from tests.support.engine.database import Server
from tests.support.engine.relay import Session, relayed

pytestmark = [pytest.mark.engine, pytest.mark.own_database]

# What PgBouncer takes without `ignore_startup_parameters`, and so do those who have it, as Neon and Supabase:
# https://www.pgbouncer.org/config.html#ignore_startup_parameters . Amazon RDS Proxy refuses `options`:
# "Feature not supported: RDS Proxy currently doesn't support command-line options" (psycopg/psycopg2#1577).
TAKEN = {
    "user", "database", "application_name", "client_encoding", "datestyle", "timezone", "standard_conforming_strings",
}  # fmt: skip
# RDS Proxy then keeps the connection for this client alone:
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-pinning.html
OF_A_SESSION = re.compile(r"\s*(SET(?! (LOCAL|TRANSACTION)\b)|RESET|LISTEN)\b|.*\bset_config\(", re.IGNORECASE)


def refused(sessions: list[Session]) -> set[str]:
    started = [session.parameters for session in sessions if session.parameters]
    assert started, "nobody has connected"
    return {name for parameters in started for name in parameters if name.lower() not in TAKEN}


def test_a_pooler_takes_what_the_service_says(service: Service, postgres: Server, migrated: str) -> None:
    with relayed(postgres.port) as (port, sessions):
        url = postgres.url(migrated, sslmode="disable").replace(f":{postgres.port}/", f":{port}/")
        with service.start(f"--env=DATABASE_URL={url}", postgres.settings(migrated)[1]) as container:
            container.wait_until_it_answers()
            created = container.post("/items", {"name": "by way of a pooler", "quantity": 1})
            assert [container.get(path).status for path in ("/readyz", "/items")] == [200, 200]
            assert created.status == 201
    assert refused(sessions) == set()
    statements = [statement for session in sessions for statement in session.statements]
    assert any("items" in statement for statement in statements)
    assert [statement for statement in statements if OF_A_SESSION.match(statement)] == []


def test_a_pooler_takes_what_migrate_says(service: Service, postgres: Server, migrated: str) -> None:
    with relayed(postgres.port) as (port, sessions):
        url = postgres.url(migrated, "owner", sslmode="disable").replace(f":{postgres.port}/", f":{port}/")
        code, lines = service.run("migrate", f"--env=DATABASE_URL={url}", postgres.settings(migrated, "owner")[1])
        assert code == 0, lines
    assert refused(sessions) == set()

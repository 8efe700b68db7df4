"""`migrate`: a command of the image that runs before a version gets traffic."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.image.conftest import Service
from tests.support.engine.container import free_port
from tests.support.engine.database import Server
from tests.support.engine.relay import relayed

pytestmark = [pytest.mark.engine, pytest.mark.own_database]


@pytest.fixture
def empty(service: Service, postgres: Server) -> Iterator[str]:
    name = f"empty_{service.language}"
    postgres.create(name)
    yield name
    postgres.sql(f'DROP DATABASE "{name}" WITH (FORCE)')


def ends(lines: list[dict[str, object]]) -> list[dict[str, object]]:
    return [line for line in lines if line["message"] in {"migrated", "migration failed"}]


def test_it_applies_what_is_missing_and_then_nothing(service: Service, postgres: Server, empty: str) -> None:
    for applied in (1, 0):
        code, lines = service.run("migrate", *postgres.settings(empty, "owner"))
        (end,) = ends(lines)
        assert (code, end["level"], end["message"], end["applied"]) == (0, "info", "migrated", applied)
    assert postgres.sql("SELECT count(*) FROM items", empty) == "0"


def test_two_at_once_are_safe(service: Service, postgres: Server, empty: str) -> None:
    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(service.run, "migrate", *postgres.settings(empty, "owner")) for _ in range(3)]
    outcomes = [(code, *(end["applied"] for end in ends(lines))) for code, lines in (run.result() for run in runs)]
    assert sorted(outcomes) == [(0, 0), (0, 0), (0, 1)]


def test_a_migration_that_fails_changes_nothing(service: Service, postgres: Server, empty: str) -> None:
    """A table of that name is there already."""
    postgres.sql("CREATE TABLE items (of_another int)", empty)
    postgres.sql("ALTER TABLE items OWNER TO owner", empty)
    code, lines = service.run("migrate", *postgres.settings(empty, "owner"))
    (end,) = ends(lines)
    assert (code, end["level"], end["message"]) == (1, "error", "migration failed")
    assert end["error"]
    assert (
        postgres.sql("SELECT column_name FROM information_schema.columns WHERE table_name = 'items'", empty)
        == "of_another"
    )
    postgres.sql("DROP TABLE items", empty)
    code, lines = service.run("migrate", *postgres.settings(empty, "owner"))
    assert (code, ends(lines)[0]["applied"]) == (0, 1), "what was in the way is gone: it can be run again"


def test_the_role_of_the_service_can_not_migrate(service: Service, postgres: Server, empty: str) -> None:
    code, lines = service.run("migrate", *postgres.settings(empty, "app"))
    assert (code, ends(lines)[0]["message"]) == (1, "migration failed")
    assert postgres.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", empty) == "0"


def test_it_waits_for_the_database(service: Service, postgres: Server, empty: str) -> None:
    """At whose port nobody listens at first."""
    port = free_port()
    url = postgres.url(empty, "owner").replace(f":{postgres.port}/", f":{port}/")
    password = postgres.settings(empty, "owner")[1]
    with ThreadPoolExecutor() as pool:
        run = pool.submit(service.run, "migrate", f"--env=DATABASE_URL={url}", password)
        time.sleep(5)
        assert not run.done()
        with relayed(postgres.port, port):
            code, lines = run.result()
    assert (code, ends(lines)[0]["message"]) == (0, "migrated")


def test_it_needs_a_database(service: Service) -> None:
    code, lines = service.run("migrate")
    assert (code, [line["message"] for line in lines]) == (1, ["bad settings"])
    assert "DATABASE_URL" in lines[0]["error"]


def test_its_log_is_json(service: Service, postgres: Server, empty: str) -> None:
    code, lines = service.run("migrate", "--env=LOG_LEVEL=debug", *postgres.settings(empty, "owner"))
    assert code == 0
    assert all({"time", "level", "message"} <= line.keys() for line in lines)
    assert {line["level"] for line in lines} <= {"debug", "info"}

"""Migrations on a host: before the new version starts, as the owner; else the old version serves on."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.host.conftest import Host
from tests.support import engine

pytestmark = pytest.mark.engine


@pytest.fixture(autouse=True)
def _live(host: Host) -> None:
    if not (host.folder / "slots/live").exists() or host.live() != "one":
        host.deployed("one")


def migrations(host: Host) -> str:
    """Their containers, running or not."""
    project, service = (f"label=com.docker.compose.{key}" for key in (f"project={host.name}", "service=migrate"))
    return engine.docker("ps", "--all", "--quiet", "--filter", project, "--filter", service).strip()


@contextmanager
def blocked(host: Host) -> Iterator[None]:
    """Whoever migrates waits: somebody holds a lock on every table, as a long report does."""
    tables = host.sql("SELECT string_agg(format('%I.%I', schemaname, tablename), ', ') FROM pg_tables"
                      " WHERE tableowner = 'owner'")  # fmt: skip
    process = subprocess.Popen(
        ["docker", "compose", "exec", "-T", "database", "psql", "-qAtX", "--username=postgres", "--dbname=app"],
        cwd=host.folder, env=engine.environment(), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    process.stdin.write(f"BEGIN;\nLOCK TABLE {tables};\nSELECT 'locked';\n")
    process.stdin.flush()
    assert process.stdout.readline() == "locked\n"
    try:
        yield
    finally:
        process.communicate()


def until_it_waits(host: Host) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'owner' AND wait_event_type = 'Lock'"
    deadline = time.monotonic() + 60
    while host.sql(waiting) == "0":
        assert time.monotonic() < deadline, "nobody migrates"
        time.sleep(0.2)
    assert migrations(host)


def test_the_schema_is_the_owner_s_and_the_service_can_not_change_it(host: Host) -> None:
    assert host.sql("SELECT tableowner FROM pg_tables WHERE tablename = 'items'") == "owner"
    host.sql("SET ROLE app; SELECT count(*) FROM items")
    for change in ("CREATE TABLE more (id int)", "DROP TABLE items", "ALTER TABLE items ADD more int"):
        with pytest.raises(AssertionError, match=r"permission denied|must be owner"):
            host.sql(f"SET ROLE app; {change}")
    superusers = host.sql("SELECT rolname FROM pg_roles WHERE rolsuper AND rolcanlogin")
    assert superusers == "postgres"
    assert host.sql("SELECT count(*) FROM pg_authid WHERE rolname = 'postgres' AND rolpassword IS NOT NULL") == "0"
    assert host.ask("/items").status == 200
    connected = host.sql("SELECT string_agg(DISTINCT usename, ',') FROM pg_stat_activity WHERE client_addr IS NOT NULL")
    assert connected == "app"
    assert not migrations(host), "it has ended, and leaves no container"


def test_a_failed_migration_stops_the_deployment(host: Host) -> None:
    slots = host.slots()
    with host.under_load():
        run = host.release("unmigrated")
    assert run.code == 1
    assert "release: migrating the database\n" in run.output
    assert "release: the migration failed, and the new version was not started\n" in run.output
    assert "bad arguments" in "".join(run.output), "the reason, from its log"
    assert run.last == f"release: live is {host.versions['one']}, as before"
    assert not [line for line in run.output if "starting" in line]
    assert host.live() == "one"
    assert host.slots() == slots
    assert not migrations(host)
    assert host.versions["unmigrated"] not in engine.docker("image", "ls", "--digests", host.repository)


def test_a_deployment_that_is_cancelled_while_it_migrates(host: Host) -> None:
    with blocked(host):
        run = host.begin("two")
        run.tell("start")
        until_it_waits(host)
        assert run.end() == 1
        assert "release: the deployment was cancelled while the database was migrated\n" in run.output
        assert run.last == f"release: live is {host.versions['one']}, as before"
        assert not migrations(host)
    assert host.live() == "one"
    host.deployed("two")


def test_a_deployment_that_is_killed_while_it_migrates(host: Host) -> None:
    with blocked(host):
        run = host.begin("two")
        run.tell("start")
        until_it_waits(host)
        run.kill()
        code, said = host.recover()
        assert code == 0, said
        assert said.splitlines()[-1] == f"release: live is {host.versions['one']}, as before"
        assert not migrations(host)
    assert host.live() == "one"
    host.deployed("two")


def test_a_rollback_migrates_nothing(host: Host) -> None:
    with blocked(host):
        run = host.begin("two", MIGRATE="no")
        assert run.done("start"), run.output
        assert run.end() == 1
    assert not [line for line in run.output if "migrating" in line]

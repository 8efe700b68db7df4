"""The stack's data: the slice, migrations, roles; and what a second clone or a strict machine does to them."""

import re
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.compose.conftest import Stack
from tests.support.engine.container import free_port

pytestmark = pytest.mark.engine


@pytest.mark.every_language
def test_what_is_written_outlives_the_stack(stack: Stack) -> None:
    made = stack.service.post("/items", {"name": "Schraube, größer", "quantity": 3})
    assert made.status == 201, made
    stack.make("down")
    stack.make("up")
    found = stack.service.get(made.headers["location"])
    assert (found.status, found.json) == (200, made.json)
    assert stack.service.post("/items", {"name": "Schraube, größer", "quantity": 4}).status == 409
    assert [item["id"] for item in stack.service.get("/items?limit=1").json["items"]] == [made.json["id"]]


@pytest.mark.every_language
def test_the_integration_tests_pass_and_leave_nothing(stack: Stack) -> None:
    schemas = "SELECT string_agg(nspname, ',' ORDER BY nspname) FROM pg_namespace"
    before = stack.sql(schemas), stack.service.get("/items").json
    stack.make("test-integration")
    assert (stack.sql(schemas), stack.service.get("/items").json) == before


@pytest.mark.every_language
def test_migrating_again_does_nothing(stack: Stack) -> None:
    assert re.search(r'"message": ?"migrated"', stack.make("migrate"))


def test_a_failed_migration_keeps_the_service_from_starting_and_says_so(stack: Stack, tmp_path: Path) -> None:
    stack.make("down")
    broken = tmp_path / "broken.yml"
    broken.write_text("services:\n  migrate:\n    environment:\n      DATABASE_URL: mysql://owner@database/app\n")
    files = stack.environment.get("COMPOSE_FILE", "docker-compose.yml")
    try:
        said = stack.fails("up", COMPOSE_FILE=f"{files}:{broken}")
        assert "DATABASE_URL" in said
        assert said.splitlines()[-2] == ("up: the migration failed, so the service was not started: its log is above")
        assert stack.compose("ps", "--services").split() == ["database"]
    finally:
        stack.make("up")


@pytest.mark.parametrize(
    "query",
    [
        "CREATE TABLE mine ()",
        "CREATE TEMPORARY TABLE mine ()",
        "CREATE SCHEMA mine",
        "ALTER TABLE items ADD mine integer",
        "DROP TABLE items",
        "TRUNCATE items",
        "CREATE ROLE mine",
        "ALTER ROLE owner PASSWORD 'mine'",
        "SET ROLE owner",
        "COPY items TO PROGRAM 'cat'",
    ],
)
def test_the_service_s_role_can_t_change_the_schema(stack: Stack, query: str) -> None:
    said = stack.sql_as("app", "database_password", query)
    assert re.search(r"permission denied|must be owner", said), said


def test_nobody_is_superuser_from_outside(stack: Stack) -> None:
    assert stack.service.get("/items").status == 200
    connected = "SELECT string_agg(DISTINCT usename, ',') FROM pg_stat_activity WHERE client_addr IS NOT NULL"
    assert stack.sql(connected) == "app"
    assert stack.sql("SELECT rolname FROM pg_roles WHERE rolsuper") == "postgres"
    assert stack.sql("SELECT rolname FROM pg_authid WHERE rolsuper AND rolpassword IS NOT NULL") == ""
    for secret in ("database_password", "database_owner_password"):
        assert "password authentication failed" in stack.sql_as("postgres", secret, "SELECT 1")
    assert stack.sql_as("owner", "database_owner_password", "SELECT current_user") == "owner"
    assert "failed" in stack.sql_as("owner", "database_password", "SELECT 1"), "one password opens both"


def test_a_second_clone_is_told_of_the_volume_s_other_passwords(stack: Stack, tmp_path: Path) -> None:
    """https://github.com/cookiecutter/cookiecutter-django/issues/1678."""
    stack.make("down")
    second = stack.clone(tmp_path / "second")
    try:
        said = second.fails("up")
        assert "up: the database's volume was made with other passwords" in said
        assert "docker compose down --volumes" in said
    finally:
        second.make("down")
        stack.make("up")


def test_a_strict_umask_and_a_port_in_env_do_no_harm(stack: Stack, tmp_path: Path) -> None:
    """https://github.com/docker/compose/issues/12362, https://github.com/mohamedboukari/bunmail/issues/92."""
    strict = stack.clone(tmp_path / "strict", free_port(), umask=0o077)
    file = strict.project / "docker-compose.yml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text(file.read_text().replace(f"name: {stack.project.name}", f"name: {stack.project.name}-strict"))
    (strict.project / ".env").write_text("PORT=9000\n")
    try:
        result = subprocess.run(
            ["make", "up"], cwd=strict.project, env=strict.environment, capture_output=True, text=True, check=False,
            umask=0o077,
        )  # fmt: skip
        assert result.returncode == 0, result.stdout + result.stderr
        assert strict.service.post("/items", {"name": "one", "quantity": 1}).status == 201
        assert stat.S_IMODE((strict.project / ".secrets").stat().st_mode) == 0o700
    finally:
        strict.compose("down", "--volumes")


def test_production_s_data_is_not_development_s(stack: Stack) -> None:
    """https://github.com/cookiecutter/cookiecutter-django/issues/1785."""
    production = yaml.safe_load((stack.project / "deploy/compose/compose.prod.yaml").read_text())
    assert yaml.safe_load(stack.compose("config"))["name"] == f"{production['name']}-dev"

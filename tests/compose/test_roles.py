"""deploy/database/roles.sh on a managed PostgreSQL, where nobody is superuser and services share the server."""

from collections.abc import Iterator

import pytest

from tests.support import engine
from tests.support.engine.database import PASSWORDS, Server, server

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def managed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose administrator may make roles and databases, and no more."""
    with server(tmp_path_factory.mktemp("database"), tls=False) as started:
        started.sql("CREATE ROLE admin LOGIN CREATEROLE CREATEDB PASSWORD 'admin'")
        yield started


def roles(managed: Server, *names: str, **environment: str) -> str:
    """Run the script as the administrator, over TCP."""
    login = {"PGHOST": "127.0.0.1", "PGUSER": "admin", "PGPASSWORD": "admin"}
    options = [f"--env={name}={value}" for name, value in (login | environment).items()]
    return engine.docker("exec", *options, managed.name, "bash", "/roles.sh", *names)


def sql_as(managed: Server, role: str, password: str, database: str, query: str) -> str:
    command = ("psql", "-qtAX", "-h", "127.0.0.1", "-U", role, "-d", database, "-c", query)
    return engine.docker("exec", f"--env=PGPASSWORD={password}", managed.name, *command).strip()


def test_an_administrator_makes_the_roles_of_two_services(managed: Server) -> None:
    for service in ("orders", "it's billing"):
        names = (service, f"{service} owner", f"{service} app")
        for _ in range(2):  # running it again does no harm
            roles(managed, *names)
        sql_as(managed, names[1], PASSWORDS["owner"], service, "CREATE TABLE IF NOT EXISTS t (id serial)")
        query = "INSERT INTO t DEFAULT VALUES RETURNING id"
        assert sql_as(managed, names[2], PASSWORDS["app"], service, query) == "1"
        for denied in ("DROP TABLE t", "TRUNCATE t"):
            with pytest.raises(engine.DockerError, match=r"permission denied|must be owner"):
                sql_as(managed, names[2], PASSWORDS["app"], service, denied)
    with pytest.raises(engine.DockerError, match="permission denied for database"):
        sql_as(managed, "orders app", PASSWORDS["app"], "it's billing", "SELECT 1")


def test_the_administrator_is_no_owner_afterwards(managed: Server) -> None:
    roles(managed, "shop", "shop_owner", "shop_app")
    with pytest.raises(engine.DockerError, match="permission denied"):
        sql_as(managed, "admin", "admin", "postgres", "SET ROLE shop_owner")


def test_a_statement_of_the_service_has_ten_seconds_and_a_migration_what_it_takes(managed: Server) -> None:
    roles(managed, "till", "till_owner", "till_app")
    for role, limit in (("owner", "0"), ("app", "10s")):
        assert sql_as(managed, f"till_{role}", PASSWORDS[role], "till", "SHOW statement_timeout") == limit


def test_new_passwords_are_set_by_running_it_again(managed: Server) -> None:
    roles(managed, "stock", "stock_owner", "stock_app")
    swapped = {"DATABASE_PASSWORD_FILE": "/run/secrets/owner", "DATABASE_OWNER_PASSWORD_FILE": "/run/secrets/app"}
    roles(managed, "stock", "stock_owner", "stock_app", **swapped)
    assert sql_as(managed, "stock_app", PASSWORDS["owner"], "stock", "SELECT 1") == "1"


@pytest.mark.parametrize(
    ("names", "environment", "said"),
    [
        (("orders",), {}, "exit code 2\nUsage: roles.sh"),
        ((), {"DATABASE_PASSWORD_FILE": "/nowhere"}, "exit code 1\nroles: /nowhere is empty, or can't be read"),
        ((), {"DATABASE_PASSWORD_FILE": "/dev/null"}, "exit code 1\nroles: /dev/null is empty, or can't be read"),
        ((), {"PGPASSWORD": "wrong"}, "password authentication failed"),
    ],
)
def test_bad_input_is_refused(managed: Server, names: tuple[str, ...], environment: dict[str, str], said: str) -> None:
    with pytest.raises(engine.DockerError) as error:
        roles(managed, *names, **environment)
    assert said in str(error.value)
    assert managed.sql("SELECT count(*) FROM pg_roles WHERE rolname = 'owner'") == "0"

"""The way to PostgreSQL: one meaning of `sslmode` in every language, and a password that changes."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.image.conftest import Service
from tests.support.engine.container import Container
from tests.support.engine.database import PASSWORDS, Server

pytestmark = [pytest.mark.engine, pytest.mark.own_database]

CA = {"sslrootcert": "/tls/authority.pem"}
ANOTHER_CA = {"sslrootcert": "/tls/other/authority.pem"}  # of the same name, with another key
# Of a server that takes TLS alone, and whose certificate is for `localhost`: what is asked of it, and the outcome.
MODES: list[tuple[str, dict[str, str], bool]] = [
    ("127.0.0.1", {}, True),
    ("127.0.0.1", {"sslmode": "prefer"}, True),
    ("127.0.0.1", {"sslmode": "disable"}, False),
    ("127.0.0.1", {"sslmode": "require"}, True),
    ("127.0.0.1", {"sslmode": "verify-ca"}, False),  # by the system's authorities
    ("127.0.0.1", {"sslmode": "verify-ca"} | CA, True),
    ("127.0.0.1", {"sslmode": "verify-ca"} | ANOTHER_CA, False),
    ("localhost", {"sslmode": "verify-full"}, False),
    ("localhost", {"sslmode": "verify-full"} | CA, True),
    ("127.0.0.1", {"sslmode": "verify-full"} | CA, False),
    ("localhost", {"sslmode": "verify-full"} | ANOTHER_CA, False),
]


@pytest.fixture(scope="module")
def secure(service: Service, postgres: Server) -> str:
    """A migrated database that takes connections by TLS alone."""
    name = f"secure_{service.language}_{service.row['versions'].index(service.label.partition('-')[2])}"
    postgres.create(name)
    code, lines = service.run(
        "migrate", *postgres.settings(name, "owner", "localhost", sslmode="verify-full", **CA), *mount(postgres)
    )
    assert code == 0, lines
    return name


def mount(postgres: Server) -> tuple[str]:
    return (f"--volume={postgres.tls}:/tls:ro",)


def statuses(service: Service, *options: str) -> tuple[int, int]:
    """Of a readiness check and of a request: each has connections of its own."""
    with service.start(*options) as container:
        container.wait_until_it_answers()
        return container.get("/readyz").status, container.get("/items").status


def test_sslmode_means_what_libpq_says(service: Service, postgres: Server, secure: str) -> None:
    """In the table of https://www.postgresql.org/docs/current/libpq-ssl.html ."""

    def outcome(case: tuple[str, dict[str, str], bool]) -> tuple[int, int]:
        host, parameters, _ = case
        return statuses(service, *postgres.settings(secure, "app", host, **parameters), *mount(postgres))

    with ThreadPoolExecutor(3) as pool:
        outcomes = list(pool.map(outcome, MODES))
    expected = [(200, 200) if works else (503, 503) for *_, works in MODES]
    wrong = {str(case[:2]): found for case, found, want in zip(MODES, outcomes, expected, strict=True) if found != want}
    assert wrong == {}


@pytest.fixture
def rotating(service: Service, postgres: Server, migrated: str, tmp_path: Path) -> Iterator[tuple[Container, Path]]:
    """A service with a role of its own, whose password is in a folder that is mounted, as Kubernetes does it."""
    role, secrets = f"rotating_{migrated}", tmp_path / "secrets"
    secrets.mkdir(mode=0o755)
    postgres.sql(f"CREATE ROLE {role} LOGIN PASSWORD 'first' IN ROLE app")
    replace(secrets / "password", "first")
    options = (
        f"--env=DATABASE_URL={postgres.url(migrated, role)}", f"--volume={secrets}:/run/secrets:ro",
        "--env=DATABASE_PASSWORD_FILE=/run/secrets/password",
    )  # fmt: skip
    with service.start(*options) as container:
        container.wait_until_it_answers()
        yield container, secrets / "password"


def replace(path: Path, password: str) -> None:
    """At once, and by another file: so does Kubernetes, by a symbolic link."""
    fresh = path.with_suffix(".new")
    fresh.write_text(f"{password}\n")
    fresh.chmod(0o644)
    os.replace(fresh, path)


def test_a_rotated_password_is_read_again(rotating: tuple[Container, Path], postgres: Server, migrated: str) -> None:
    container, password = rotating
    assert (container.get("/readyz").status, container.get("/items").status) == (200, 200)
    postgres.sql(f"ALTER ROLE rotating_{migrated} PASSWORD 'second'")
    assert container.get("/items").status == 200, "a connection that stands is not asked again"
    cut(postgres, f"rotating_{migrated}")
    assert container.get("/readyz").status == 503, "neither is the file's old password taken"
    replace(password, "second")
    recovers(container)


def test_a_connection_that_was_cut_is_made_again(service: Service, postgres: Server, migrated: str) -> None:
    """As when the database restarts, or another instance takes over: the next requests work without a restart."""
    with service.start(*postgres.settings(migrated)) as container:
        container.wait_until_it_answers()
        with ThreadPoolExecutor(10) as pool:
            assert {answer.status for answer in pool.map(container.get, ["/items"] * 30)} == {200}
        cut(postgres, "app", migrated)
        recovers(container)


def cut(postgres: Server, role: str, database: str = "") -> None:
    where = f"WHERE usename = '{role}'" + (f" AND datname = '{database}'" if database else "")
    postgres.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity {where}")  # noqa: S608


def recovers(container: Container) -> None:
    """Within five seconds: ready, and twenty requests one after the other without an error."""
    deadline, good = time.monotonic() + 5, 0
    while good < 20:
        statuses = {container.get("/readyz").status, container.get("/items").status}
        assert statuses <= {200, 503}, statuses
        good = good + 1 if statuses == {200} else 0
        assert time.monotonic() < deadline, container.output()[-3000:]


def test_the_role_of_the_service_can_not_change_the_schema(postgres: Server, migrated: str, shop: Container) -> None:
    """What the starter's own migrations leave to it: rows of the tables, and nothing else."""
    assert shop.post("/items", {"name": "by the role app", "quantity": 1}).status == 201
    query = "SELECT tablename, tableowner FROM pg_tables WHERE schemaname = 'public'"
    owners = dict(line.split("|") for line in postgres.sql(query, migrated).splitlines())
    assert "items" in owners
    assert set(owners.values()) == {"owner"}, owners
    for privilege, held in [("CREATE", False), ("USAGE", True)]:
        answer = postgres.sql(f"SELECT has_schema_privilege('app', 'public', '{privilege}')", migrated)
        assert answer == ("t" if held else "f"), privilege
    assert PASSWORDS["app"] not in shop.output()

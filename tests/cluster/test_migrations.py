"""Migrations on a real cluster: a Job that ends well before a new version starts, or the old one serves on."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.cluster.conftest import Start, answers, hasten, loaded
from tests.cluster.test_failure import STEP
from tests.support import engine, step
from tests.support.cluster import Release, get, kubectl, wait_until
from tests.support.engine.database import Server, database_name
from tests.support.render import document

pytestmark = pytest.mark.engine

UNKNOWN = 'ENTRYPOINT ["/app/service", "no-such-command"]'  # so that `migrate` is one argument too many


@pytest.fixture(scope="module")
def release(start: Start) -> Iterator[Release]:
    """Rolling: both strategies begin by the same migrate.sh."""
    started = start("go", "rolling", name="migrate")
    hasten(started)
    started.deploy(started.image("v1"))
    yield started
    started.remove()


@pytest.fixture(autouse=True)
def on_v1(release: Release) -> None:
    if release.images() != {release.image("v1")}:
        release.deploy(release.image("v1"))
        wait_until("v1", lambda: release.images() == {release.image("v1")})


def jobs(release: Release) -> list[dict[str, Any]]:
    """The newest first."""
    found = get(release.name, "jobs", f"--selector=app.kubernetes.io/name={release.name}")["items"]
    return sorted(found, key=lambda job: str(job["metadata"]["creationTimestamp"]), reverse=True)


def conditions(job: dict[str, Any]) -> set[str]:
    return {one["type"] for one in job["status"].get("conditions", []) if one["status"] == "True"}


@contextmanager
def blocked(server: Server, database: str) -> Iterator[None]:
    """Whoever migrates waits: somebody holds a lock on every table, as a long report does."""
    tables = server.sql(
        "SELECT string_agg(format('%I.%I', schemaname, tablename), ', ') FROM pg_tables WHERE tableowner = 'owner'",
        database,
    )
    process = subprocess.Popen(
        ["docker", "exec", "--interactive", server.name, "psql", "-qAtX", "-U", "postgres", "-d", database],
        env=engine.environment(), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
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


def test_the_schema_is_the_owner_s_and_the_service_can_not_change_it(release: Release, server: Server) -> None:
    database = database_name(release.name)
    assert server.sql("SELECT tableowner FROM pg_tables WHERE tablename = 'items'", database) == "owner"
    with pytest.raises(engine.DockerError, match="must be owner"):
        server.sql("SET ROLE app; DROP TABLE items", database)
    assert [conditions(job) >= {"Complete"} for job in jobs(release)] == [True]


def test_its_log_is_where_the_page_says(release: Release) -> None:
    command = document.shell(release.project, "Migrations", {f"{release.name}-staging": release.name})
    result = document.run(release.project, command, {"KUBECONFIG": str(release.deployer("production"))})
    assert result.returncode == 0, result.stderr
    assert '"message":"migrated"' in result.stdout.replace(" ", "")


def test_no_request_comes_to_the_migration(release: Release) -> None:
    """Its pod, while it runs, is no part of the Service, of the autoscaler or of the disruption budget."""
    (pod,) = get(release.name, "pods", f"--selector=app.kubernetes.io/name={release.name}-migrate")["items"]
    owners = {owner["kind"] for owner in pod["metadata"]["ownerReferences"]}
    assert owners == {"Job"}
    addresses = kubectl("--namespace", release.name, "get", "endpointslices", "--output", "json")
    assert pod["metadata"]["name"] not in addresses
    budget = get(release.name, "poddisruptionbudget", release.name)["status"]
    assert budget["expectedPods"] == len(release.pods())


def test_a_failed_migration_stops_the_deployment(release: Release) -> None:
    before = {name: one["spec"]["template"] for name, one in release.deployments().items()}
    with loaded(release):
        said = release.refuse(release.image("unmigrated", UNKNOWN))
    assert "deploy: the migration failed, and the new version was not started\n" in said
    assert "bad arguments" in said, "the reason, from its log"
    assert {name: one["spec"]["template"] for name, one in release.deployments().items()} == before
    assert release.images() == {release.image("v1")}
    assert "Failed" in conditions(jobs(release)[0]), "it stays, to be looked at"


def test_a_migration_that_can_not_start_is_said_to(release: Release) -> None:
    secret = f"{release.name}-database-owner"
    kept = kubectl("--namespace", release.name, "get", "secret", secret, "--output", "json")
    kubectl("--namespace", release.name, "delete", "secret", secret)
    try:
        said = release.refuse(release.image("v2"), MIGRATE_SECONDS="10")
    finally:
        kubectl("--namespace", release.name, "apply", "--filename=-", stdin=kept)
    assert f'secret "{secret}" not found' in said
    assert not [job for job in jobs(release) if not conditions(job)], "none is left that waits for it"
    answers(release, "v1")


def test_a_cancelled_job_ends_its_migration(release: Release, server: Server) -> None:
    image = release.image("v2")
    with (
        blocked(server, database_name(release.name)),
        loaded(release),
        step.start(STEP, release.project, **release.settings("production", IMAGE=image)) as process,
    ):
        wait_until("the migration", lambda: any(job["status"].get("active") for job in jobs(release)))
        step.cancel(process)
        result = release.run("recover", "production")
        assert result.returncode == 0, result.stderr
        assert "recover: nothing to roll back" in result.stderr
        process.communicate(timeout=10)
        assert not [job for job in jobs(release) if not conditions(job)]
        assert release.images() == {release.image("v1")}
    release.deploy(image)
    answers(release, "v2")


def test_two_migrations_at_once_are_safe(release: Release) -> None:
    """By hand, from two machines: the lock of the tool that migrates lets one wait for the other."""
    deployment = ("deploy", "production", release.image("v2"))
    with release.start(*deployment) as first, release.start(*deployment) as second:
        for process in (first, second):
            process.communicate(timeout=240)
    newest = jobs(release)[:2]
    assert all("Complete" in conditions(job) for job in newest), newest
    answers(release, "v2")


def test_a_rollback_migrates_nothing(release: Release) -> None:
    release.deploy(release.image("v2"))
    before = len(jobs(release))
    result = release.run("rollback", "production", release.image("v1"))
    assert result.returncode == 0, result.stderr
    assert len(jobs(release)) == before
    answers(release, "v1")

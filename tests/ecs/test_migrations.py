"""Migrations: a task of the new image that ends well before the service is updated, or the deployment stops."""

from collections.abc import Callable

import pytest

from tests.ecs.conftest import PLAIN, SECRETS, SETUP, World, digest
from tests.ecs.test_scripts import STEP, recovered, succeed, wait_until
from tests.support import step


@pytest.fixture(params=PLAIN)
def running(request: pytest.FixtureRequest, world_of: Callable[..., World]) -> World:
    """Staging, which runs the image a."""
    world = world_of(strategy=request.param)
    world.make(*SETUP, "roles", "migrate", "service", Image=digest("a"))
    return world


def changes(world: World, stack: str) -> list[int]:
    """When the change sets of a stack were carried out, among all calls."""
    return [
        number
        for number, call in enumerate(world.cloud.calls)
        if call.action == "cloudformation:ExecuteChangeSet" and f"orders-api-staging-{stack}" in call.body
    ]


def test_the_first_deployment_migrates_before_there_is_a_service(world_of: Callable[..., World]) -> None:
    world = world_of()
    world.make(*SETUP)
    succeed(world, "deploy.sh", "staging", digest("a"))
    assert len(world.cloud.tasks.started) == 1


def test_the_new_image_migrates_before_the_service_is_updated(running: World) -> None:
    succeed(running, "deploy.sh", "staging", digest("b"))
    (asked,) = running.cloud.tasks.started
    ecs = running.client("ecs")
    task = ecs.describe_task_definition(taskDefinition=asked["taskDefinition"])["taskDefinition"]
    (container,) = task["containerDefinitions"]
    assert (container["image"], container["command"]) == (digest("b"), ["migrate"])
    assert task["executionRoleArn"] == "arn:aws:iam::123456789012:role/orders-api-staging-migrate"
    assert container["secrets"] == [
        {"name": "DATABASE_PASSWORD", "valueFrom": f"{SECRETS['DatabaseOwnerSecretArn']}:password::"}
    ]
    assert container["environment"] == [{"name": "DATABASE_URL", "value": SECRETS["DatabaseOwnerUrl"]}]
    assert asked["cluster"] == "orders-api-staging-migrate"
    assert "overrides" not in asked
    (service,) = ecs.describe_services(cluster="orders-api-staging", services=["orders-api"])["services"]
    network = service["networkConfiguration"]["awsvpcConfiguration"]
    assert asked["networkConfiguration"]["awsvpcConfiguration"] == network, "the database lets this group in"
    (started,) = [n for n, call in enumerate(running.cloud.calls) if call.action == "ecs:RunTask"]
    assert changes(running, "migrate")[0] < started < changes(running, "service")[0]


def test_a_failed_migration_stops_the_deployment_and_shows_its_log(running: World) -> None:
    running.cloud.tasks.exit_code = 1
    running.cloud.tasks.log = ['{"level": "error", "message": "migration failed"}', "last line"]
    result = running.run("deploy.sh", "staging", digest("b"))
    assert result.returncode == 1
    said = result.stderr.splitlines()
    assert said[-1] == f"deploy: staging runs {digest('a')} as before"
    assert "deploy: the migration failed (Essential container in task exited); the end of its log:" in said
    assert '{"level": "error", "message": "migration failed"}' in said
    assert "last line" in said
    assert not changes(running, "service"), "the service was not to be touched"
    assert running.image() == digest("a")
    running.cloud.tasks.exit_code = 0
    succeed(running, "deploy.sh", "staging", digest("b"))
    assert running.image() == digest("b")


def test_a_migration_that_can_not_start_stops_the_deployment(running: World) -> None:
    running.cloud.tasks.failure = "Capacity is unavailable at this time"
    result = running.run("deploy.sh", "staging", digest("b"))
    assert result.returncode == 1
    assert "deploy: the migration did not start: Capacity is unavailable at this time\n" in result.stderr
    assert not changes(running, "service")


def test_a_cancelled_job_ends_its_migration(running: World) -> None:
    running.cloud.tasks.exit_code = None
    with step.start(STEP, running.project, **running.environment, IMAGE=digest("b")) as process:
        wait_until(lambda: any(call.action == "ecs:DescribeTasks" for call in running.cloud.calls))
        step.cancel(process)
        assert not running.cloud.tasks.stopped, "nothing has ended it yet"
        assert recovered(running).splitlines()[-1] == f"recover: staging runs {digest('a')} as before"
        assert running.cloud.tasks.stopped == [running.cloud.tasks.arn(1)]
        process.communicate(timeout=10)
    assert not changes(running, "service")
    assert running.image() == digest("a")


def test_a_rollback_migrates_nothing(running: World) -> None:
    """An earlier version may not know all migrations that there are by now; the schema suits it still."""
    running.cloud.tasks.exit_code = 1
    succeed(running, "rollback.sh", "staging", digest("b"))
    assert not running.cloud.tasks.started
    assert running.image() == digest("b")


@pytest.mark.parametrize(
    "choices", [{"database": "none"}, {"language": "web", "database": "none"}], ids=["service", "page"]
)
def test_without_a_database_it_is_deployed_all_the_same(
    world_of: Callable[..., World], choices: dict[str, str]
) -> None:
    world = world_of(**choices)
    world.make(*SETUP)
    succeed(world, "deploy.sh", "staging", digest("a"))
    assert world.image() == digest("a")
    assert not world.cloud.tasks.started

"""The scripts, run for real against an account of moto's: forwards, back, and again after a kill.

What moto can not play is played here: no container runs, so a server on loopback answers for the service; and ECS's
blue/green deployments are `Deployments` in cloud.py.
"""

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from tests.ecs.conftest import IMAGE, SECRETS, SETUP, World, digest
from tests.support import step
from tests.support.aws import stacks
from tests.support.render import document
from tests.support.tools import run

ANY = f"{IMAGE}@sha256:…"  # as deploy/README.md has it
SERVICE_STACK = "orders-api-staging-service"


@pytest.fixture
def world(world_of: Callable[..., World]) -> World:
    """Staging, set up; nothing is deployed yet."""
    world = world_of()
    world.make(*SETUP)
    return world


@pytest.fixture
def running(world: World) -> World:
    """Staging, which runs the image a."""
    world.make("roles", "service", Image=digest("a"))
    return world


def succeed(world: World, script: str, *arguments: str, **settings: str) -> str:
    result = world.run(script, *arguments, **settings)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def follow(world: World, heading: str, values: dict[str, str]) -> str:
    """What stands under a heading of deploy/README.md, command by command."""
    result = document.run(world.project, document.shell(world.project, heading, values), world.environment)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def refused(world: World, code: int, *command: str, **settings: str) -> str:
    result = world.run(*command, **settings)
    assert result.returncode == code, result.stdout + result.stderr
    return result.stderr.strip().splitlines()[-1]


def set_alarm(world: World, name: str, state: str) -> None:
    world.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")


def test_setup_deployment_and_rollback(world_of: Callable[..., World]) -> None:
    world = world_of()
    said = follow(world, "AWS", {})
    assert re.search(r"point staging.orders-api.example.com to \S+.elb.amazonaws.com", said)
    assert "staging runs" in follow(world, "Deploy", {ANY: digest("a")})
    assert world.image() == digest("a")
    succeed(world, "deploy.sh", "staging", digest("b"))
    assert world.image() == digest("b")
    # an alarm fires: going back must work all the same
    set_alarm(world, "orders-api-staging-5xx", "ALARM")
    assert f"staging runs {digest('a')}" in follow(world, "Roll back", {ANY: digest("a")})
    assert world.image() == digest("a")
    configuration = stacks.sent["AWS::ECS::Service", "Service"]["deploymentConfiguration"]
    assert configuration["alarms"]["enable"] is False, "an alarm could end the way back"
    # and the next deployment is watched again, but for what fired before it
    assert "ignoring alarms already in ALARM" in succeed(world, "deploy.sh", "staging", digest("c"))
    assert stacks.sent["AWS::ECS::Service", "Service"]["deploymentConfiguration"]["alarms"]["enable"] is True


def test_rollback_of_a_version_that_does_not_answer(running: World) -> None:
    running.service.on_ask = lambda: setattr(running.service, "well", digest("b") != running.image())
    last = refused(running, 1, "deploy.sh", "staging", digest("b"))
    assert last == f"deploy: staging runs {digest('a')} as before"
    assert running.image() == digest("a")


def test_rollback_after_an_alarm(running: World) -> None:
    running.service.on_ask = lambda: set_alarm(running, "orders-api-staging-latency", "ALARM")
    last = refused(running, 1, "deploy.sh", "staging", digest("b"))
    assert last.endswith(f"staging runs {digest('a')} as before")
    assert running.image() == digest("a")


def test_circuit_breaker_rolls_back(running: World) -> None:
    stacks.endings[SERVICE_STACK] = ["UPDATE_ROLLBACK_COMPLETE"]  # as when ECS's circuit breaker opens
    last = refused(running, 1, "deploy.sh", "staging", digest("b"))
    assert last.endswith(f"staging runs {digest('a')} as before")
    changes = [call.body for call in running.cloud.calls if call.action == "cloudformation:ExecuteChangeSet"]
    assert len([body for body in changes if SERVICE_STACK in body]) == 1, "nothing is left to go back to"
    succeed(running, "deploy.sh", "staging", digest("c"))


def test_the_first_version_has_nothing_to_go_back_to(world: World) -> None:
    world.service.well = False
    assert "nothing to roll back to" in refused(world, 1, "deploy.sh", "staging", digest("a"))


def test_a_first_deployment_that_failed_is_cleared_away(world: World) -> None:
    stacks.endings[SERVICE_STACK] = ["ROLLBACK_COMPLETE"]
    assert "nothing to roll back to" in refused(world, 1, "deploy.sh", "staging", digest("a"))
    # its events tell why, until the next deployment needs the name
    assert f"{SERVICE_STACK} is ROLLBACK_COMPLETE: deleting it" in succeed(world, "deploy.sh", "staging", digest("a"))
    assert world.image() == digest("a")


def test_a_stack_that_is_stuck_is_named_with_the_way_out(running: World) -> None:
    stacks.endings[SERVICE_STACK] = ["UPDATE_ROLLBACK_FAILED"]
    running.run("deploy.sh", "staging", digest("b"))
    last = refused(running, 1, "deploy.sh", "staging", digest("b"))
    assert f"continue-update-rollback --stack-name {SERVICE_STACK}" in last


def test_killed_midway_and_run_again(running: World) -> None:
    """The second run waits until the first one's change is through."""
    stacks.endings[SERVICE_STACK] = ["UPDATE_IN_PROGRESS"]
    with start(running, "deploy.sh", "staging", digest("b")) as first:
        wait_until(lambda: not stacks.endings[SERVICE_STACK])
        os.killpg(first.pid, signal.SIGKILL)
        first.communicate()
    with start(running, "deploy.sh", "staging", digest("b")) as second:
        polls = len(running.cloud.calls)
        wait_until(lambda: len(running.cloud.calls) > polls + 2)
        stacks.set_status(SERVICE_STACK, "UPDATE_ROLLBACK_COMPLETE")
        output, errors = second.communicate(timeout=60)
    assert second.returncode == 0, output + errors
    assert f"{SERVICE_STACK} is UPDATE_IN_PROGRESS: waiting" in errors
    assert running.image() == digest("b")


STEP = 'deploy/ecs/deploy.sh staging "$IMAGE"'


def recovered(world: World) -> str:
    """What recover.sh says; the second time it has nothing to do."""
    first, second = (world.run("recover.sh", "staging") for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert second.stderr == ("recover: nothing to roll back: no deployment of staging from this folder is unfinished\n")
    assert world.image() == digest("a")
    return first.stderr


def test_a_cancelled_job_is_rolled_back_while_it_watches(running: World) -> None:
    environment = running.environment | {"WATCH_SECONDS": "600", "IMAGE": digest("b")}
    with step.start(STEP, running.project, **environment) as process:
        wait_until(lambda: running.cloud.calls and running.service.asked and running.image() == digest("b"))
        step.cancel(process)
        assert running.image() == digest("b"), "nothing has rolled it back yet"
        assert recovered(running).splitlines()[-1] == f"recover: staging runs {digest('a')} as before"
        process.communicate(timeout=10)  # nothing that it started is left: its output ends


def test_a_cancelled_job_is_rolled_back_while_cloudformation_is_at_work(running: World) -> None:
    stacks.endings[SERVICE_STACK] = ["UPDATE_IN_PROGRESS"]
    with step.start(STEP, running.project, **running.environment, IMAGE=digest("b")) as process:
        wait_until(lambda: not stacks.endings[SERVICE_STACK])
        step.cancel(process)
        assert recovered(running).splitlines()[-1] == f"recover: staging runs {digest('a')} as before"
        assert "cloudformation:CancelUpdateStack" in {call.action for call in running.cloud.calls}
        process.communicate(timeout=10)


def test_a_cancelled_rollback_goes_back_to_what_ran(running: World) -> None:
    succeed(running, "deploy.sh", "staging", digest("b"))
    succeed(running, "deploy.sh", "staging", digest("a"))
    asked = len(running.service.asked)
    rollback = STEP.replace("deploy.sh", "rollback.sh")
    stacks.endings[SERVICE_STACK] = ["UPDATE_IN_PROGRESS"]
    with step.start(rollback, running.project, **running.environment, IMAGE=digest("b")) as process:
        wait_until(lambda: not stacks.endings[SERVICE_STACK])
        step.cancel(process)
        assert recovered(running).splitlines()[-1] == f"recover: staging runs {digest('a')} as before"
        process.communicate(timeout=10)
    succeed(running, "rollback.sh", "staging", digest("b"))
    assert len(running.service.asked) > asked
    assert "nothing to roll back" in running.run("recover.sh", "staging").stderr, "one that has ended is let alone"
    assert running.image() == digest("b")


def test_recovery_without_a_deployment_changes_nothing(running: World) -> None:
    recovered(running)
    succeed(running, "deploy.sh", "staging", digest("b"))
    result = running.run("recover.sh", "staging")
    assert (result.returncode, running.image()) == (0, digest("b")), result.stderr
    assert "nothing to roll back" in result.stderr


def restarted_at(world: World) -> str:
    """What the service's tasks are labelled with."""
    ecs = world.client("ecs")
    (service,) = ecs.describe_services(cluster="orders-api-staging", services=["orders-api"])["services"]
    task = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    return str(task["containerDefinitions"][0]["dockerLabels"]["restarted-at"])


def test_a_rotated_secret_reaches_new_tasks_of_the_same_image(running: World) -> None:
    """As deploy/README.md has it. A secret is read when a task starts, and a change of the task alone starts new ones.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
    """
    path = running.project / "deploy/ecs/parameters/staging.json"
    content = json.loads(path.read_text())
    secrets = running.client("secretsmanager")
    folder = running.project / ".secrets/staging"
    folder.mkdir(parents=True)
    for role, name in (("app", "DatabaseSecretArn"), ("owner", "DatabaseOwnerSecretArn")):
        content["Parameters"][name] = secrets.create_secret(Name=role, SecretString="{}")["ARN"]
        (folder / role).write_text(f"new-{role}")
    path.write_text(json.dumps(content))
    assert restarted_at(running) == "never"
    set_alarm(running, "orders-api-staging-5xx", "ALARM")  # as when tasks can't connect: no reason to wait
    said = follow(running, "Rotate the passwords", {})
    assert f"staging runs {digest('a')} in new tasks" in said
    for role in ("app", "owner"):
        value = secrets.get_secret_value(SecretId=role)["SecretString"]
        assert json.loads(value) == {"password": f"new-{role}"}
        assert f"new-{role}" not in said
    first = restarted_at(running)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", first)
    assert running.image() == digest("a")
    assert stacks.sent["AWS::ECS::Service", "Service"]["deploymentConfiguration"]["alarms"]["enable"] is False
    succeed(running, "deploy.sh", "staging", digest("b"))
    assert restarted_at(running) == first, "a deployment is no restart"
    assert not running.cloud.tasks.started[1:], "and a restart migrates nothing"


def test_restart_needs_an_earlier_deployment(world: World) -> None:
    assert "has no image yet" in refused(world, 1, "restart.sh", "staging")


def test_restart_says_when_new_tasks_do_not_work(running: World) -> None:
    running.service.well = False
    assert "new tasks do not work" in refused(running, 1, "restart.sh", "staging")


def test_settings_reach_the_container(running: World) -> None:
    """An owner's own, in a file of theirs, and whatever YAML would make of it."""
    path = running.project / "deploy/ecs/config/staging.env"
    assert path.read_text() == "LOG_LEVEL=debug\n"
    path.write_text('# mine\n\nLOG_LEVEL=warn\nGREETING=say: "hi" # $HOME\\n\nEMPTY=\nSWITCH=on\n')
    succeed(running, "deploy.sh", "staging", digest("b"))
    ecs = running.client("ecs")
    (service,) = ecs.describe_services(cluster="orders-api-staging", services=["orders-api"])["services"]
    task = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    environment = {one["name"]: one["value"] for one in task["containerDefinitions"][0]["environment"]}
    assert environment == {
        "PORT": "8000", "DATABASE_URL": SECRETS["DatabaseUrl"], "LOG_LEVEL": "warn",
        "GREETING": 'say: "hi" # $HOME\\n', "EMPTY": "", "SWITCH": "on",
    }  # fmt: skip
    run(["cfn-lint", str(running.project / ".cache/service-staging.yml")])
    changes = len(running.cloud.calls)
    path.write_text("LOG_LEVEL=info\n")  # a changed setting alone is a deployment, too
    succeed(running, "deploy.sh", "staging", digest("b"))
    assert "cloudformation:ExecuteChangeSet" in {call.action for call in running.cloud.calls[changes:]}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("PORT=9000", "staging.env sets PORT, which deploy/ecs/service.yml does"),
        ("DATABASE_PASSWORD=x", "staging.env sets DATABASE_PASSWORD, which deploy/ecs/service.yml does"),
        ("LOG LEVEL", "staging.env has a line that is not NAME=VALUE: LOG LEVEL"),
    ],
)
def test_a_setting_that_can_not_be_is_refused(running: World, line: str, reason: str) -> None:
    (running.project / "deploy/ecs/config/staging.env").write_text(f"{line}\n")
    result = running.run("deploy.sh", "staging", digest("b"))
    assert result.returncode == 1
    assert reason in result.stderr
    assert running.image() == digest("a")


def start(world: World, script: str, *arguments: str) -> AbstractContextManager[subprocess.Popen[str]]:
    return step.ended(subprocess.Popen(
        [world.project / "deploy/ecs" / script, *arguments],
        env=world.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ))  # fmt: skip


def wait_until(true: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "waited for a minute"
        time.sleep(0.1)


@pytest.mark.parametrize("script", ["deploy.sh", "rollback.sh"])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Usage: deploy/ecs/{} staging|production REPOSITORY@DIGEST"),
        (("staging",), "Usage: deploy/ecs/{} staging|production REPOSITORY@DIGEST"),
        (("testing", digest("a")), "there is no environment testing: use staging or production"),
        (("staging", f"{IMAGE}:1.2.3"), f"use {IMAGE}@sha256:…"),
        (("staging", f"{IMAGE}@sha256:abc"), f"use {IMAGE}@sha256:…"),
        (("staging", f"{IMAGE}-other@sha256:{'a' * 64}"), f"use {IMAGE}@sha256:…"),
        (("staging", f"{IMAGE}@sha256:{'a' * 64}x"), f"use {IMAGE}@sha256:…"),
    ],
)
def test_bad_arguments_are_refused(
    world_of: Callable[..., World], script: str, arguments: tuple[str, ...], message: str
) -> None:
    world = world_of()
    assert message.format(script) in refused(world, 2, script, *arguments)
    assert not world.cloud.calls


def test_nothing_is_deployed_that_nobody_watches(world_of: Callable[..., World]) -> None:
    world = world_of()
    assert "run deploy/ecs/setup.sh staging" in refused(world, 1, "deploy.sh", "staging", digest("a"))


@pytest.mark.parametrize("script", ["deploy.sh", "rollback.sh", "restart.sh"])
def test_a_machine_that_is_shut_out_by_allowed_cidr_changes_nothing(running: World, script: str) -> None:
    """Its integration test could not reach the service, and every version would be rolled back."""
    path = running.project / "deploy/ecs/parameters/staging.json"
    path.write_text(path.read_text().replace("0.0.0.0/0", "203.0.113.0/24"))
    image = [digest("b")] if script != "restart.sh" else []
    with socket.socket() as closed:  # a port on which nobody listens
        closed.bind(("127.0.0.1", 0))
        settings = running.home / ".curlrc"
        kept = settings.read_text()
        settings.write_text(re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{closed.getsockname()[1]}", kept))
        line = refused(running, 1, script, "staging", *image)
    assert "https://staging.orders-api.example.com can't be reached from here" in line
    assert "parameters/staging.json lets in 203.0.113.0/24 alone: see AllowedCidr in deploy/README.md" in line
    assert "### AllowedCidr" in (running.project / "deploy/README.md").read_text()
    assert "cloudformation:CreateChangeSet" not in {call.action for call in running.cloud.calls}
    settings.write_text(kept)  # from where it is let in, all is as ever
    succeed(running, script, "staging", *image)


def test_rollback_needs_an_earlier_deployment(world: World) -> None:
    assert "has no image yet" in refused(world, 1, "rollback.sh", "staging", digest("a"))


def test_placeholders_are_refused(world_of: Callable[..., World], tmp_path: Any) -> None:
    world = world_of()
    path = world.project / "deploy/ecs/parameters/staging.json"
    path.write_text('{"Parameters": {"VpcId": "vpc-00000000000000000"}}')
    assert "put in your own" in refused(world, 1, "setup.sh", "staging")
    path.write_text('{"Parameters": {"RepositoryOwnerId": "1", "RepositoryId": "0"}}')
    assert "gh api repos/Octo-Org/Orders.Shop --jq '.owner.id, .id'" in refused(world, 1, "setup.sh", "staging")


# Blue/green: the new version waits on port 8443, without traffic, until its test.


@pytest.fixture
def blue_green(world_of: Callable[..., World]) -> World:
    world = world_of(strategy="blue-green")
    world.make(*SETUP, "roles", "service", Image=digest("a"))
    return world


def hold(world: World) -> None:
    """Let the next change of the service's stack wait until its deployment got an answer."""
    world.cloud.hold_for("staging-service")


def test_blue_green_tests_before_the_switch(blue_green: World) -> None:
    hold(blue_green)
    succeed(blue_green, "deploy.sh", "staging", digest("b"))
    assert blue_green.cloud.deployments.answers == ["CONTINUE"]
    tested = [host.rpartition("/")[0] for host in blue_green.service.asked]
    assert tested == ["staging.orders-api.example.com:8443"] * 3 + ["staging.orders-api.example.com"] * 3
    assert blue_green.image() == digest("b")


def test_blue_green_restart_tests_before_the_switch(blue_green: World) -> None:
    hold(blue_green)
    succeed(blue_green, "restart.sh", "staging")
    assert blue_green.cloud.deployments.answers == ["CONTINUE"]
    assert blue_green.service.asked[0].startswith("staging.orders-api.example.com:8443")
    assert blue_green.image() == digest("a")
    assert restarted_at(blue_green) != "never"


def test_blue_green_rollback_before_the_switch(blue_green: World) -> None:
    hold(blue_green)
    stacks.endings[SERVICE_STACK] = ["UPDATE_ROLLBACK_COMPLETE"]  # what ROLLBACK leads to
    blue_green.service.well = False
    last = refused(blue_green, 1, "deploy.sh", "staging", digest("b"))
    assert blue_green.cloud.deployments.answers == ["ROLLBACK"]
    assert last.endswith(f"staging runs {digest('a')} as before")
    assert all(":8443" in host for host in blue_green.service.asked)
    assert blue_green.image() == digest("a")


# Canary: the same, with a share of the traffic in between, which ECS moves and CloudWatch judges.


@pytest.fixture
def canary(world_of: Callable[..., World]) -> World:
    world = world_of(strategy="canary")
    world.make(*SETUP, "roles", "service", Image=digest("a"))
    return world


def canary_minutes(world: World) -> str:
    (stack,) = world.client("cloudformation").describe_stacks(StackName=SERVICE_STACK)["Stacks"]
    return str(next(p["ParameterValue"] for p in stack["Parameters"] if p["ParameterKey"] == "CanaryMinutes"))


def test_a_canary_is_tested_gets_its_share_and_then_all(canary: World) -> None:
    hold(canary)
    succeed(canary, "deploy.sh", "staging", digest("b"))
    assert canary.cloud.deployments.answers == ["CONTINUE"]
    assert canary.service.asked[0].startswith("staging.orders-api.example.com:8443")
    assert (canary.image(), canary_minutes(canary)) == (digest("b"), "1")
    assert stacks.sent["AWS::ECS::Service", "Service"]["deploymentConfiguration"]["canaryConfiguration"] == {
        "canaryPercent": 10, "canaryBakeTimeInMinutes": 1,
    }  # fmt: skip


def test_the_way_back_is_no_canary(canary: World) -> None:
    hold(canary)
    succeed(canary, "rollback.sh", "staging", digest("b"))
    assert (canary.image(), canary_minutes(canary)) == (digest("b"), "0")
    hold(canary)
    succeed(canary, "deploy.sh", "staging", digest("c"))
    assert canary_minutes(canary) == "1", "the next version is one again"


def test_an_alarm_on_the_canary_ends_the_deployment(canary: World) -> None:
    hold(canary)
    canary.client("cloudwatch").set_alarm_state(
        AlarmName="orders-api-staging-canary", StateValue="OK", StateReason="before"
    )
    stacks.endings[SERVICE_STACK] = ["UPDATE_ROLLBACK_COMPLETE"]  # what ECS's own rollback leads to
    refused(canary, 1, "deploy.sh", "staging", digest("b"))
    assert canary.image() == digest("a")

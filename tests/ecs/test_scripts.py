"""The scripts, run for real against an account of moto's: forwards, back, and again after a kill.

What moto can not play is played here: no container runs, so a server on loopback answers for the service; and ECS's
blue/green deployments are `Deployments` in cloud.py.
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.ecs.conftest import IMAGE, SETUP, World, digest
from tests.support.aws import stacks
from tests.support.render import document

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
    return result.stdout


def follow(world: World, heading: str, values: dict[str, str]) -> str:
    """What stands under a heading of deploy/README.md, command by command."""
    result = document.run(world.project, document.shell(world.project, heading, values), world.environment)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def refused(world: World, code: int, *command: str, **settings: str) -> str:
    result = world.run(*command, **settings)
    assert result.returncode == code, result.stdout + result.stderr
    return result.stderr.strip().splitlines()[-1]


def set_alarm(world: World, name: str, state: str) -> None:
    world.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")


def test_from_nothing_forwards_and_by_hand_back(world_of: Callable[..., World]) -> None:
    world = world_of()
    said = follow(world, "AWS", {})
    assert re.search(r"let staging.orders-api.example.com point to \S+.elb.amazonaws.com", said)
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
    assert "does not look at what fires already" in succeed(world, "deploy.sh", "staging", digest("c"))
    assert stacks.sent["AWS::ECS::Service", "Service"]["deploymentConfiguration"]["alarms"]["enable"] is True


def test_a_version_that_does_not_answer_goes_back(running: World) -> None:
    running.service.on_ask = lambda: setattr(running.service, "well", digest("b") != running.image())
    last = refused(running, 1, "deploy.sh", "staging", digest("b"))
    assert last == f"deploy: {digest('b')} failed; staging runs {digest('a')} again"
    assert running.image() == digest("a")


def test_a_version_that_sets_off_an_alarm_goes_back(running: World) -> None:
    running.service.on_ask = lambda: set_alarm(running, "orders-api-staging-latency", "ALARM")
    last = refused(running, 1, "deploy.sh", "staging", digest("b"))
    assert last.endswith(f"staging runs {digest('a')} again")
    assert running.image() == digest("a")


def test_cloudformation_goes_back_by_itself(running: World) -> None:
    stacks.endings[SERVICE_STACK] = ["UPDATE_ROLLBACK_COMPLETE"]  # as when ECS's circuit breaker opens
    last = refused(running, 1, "deploy.sh", "staging", digest("b"))
    assert last.endswith(f"staging runs {digest('a')} again")
    changes = [call for call in running.cloud.calls if call.action == "cloudformation:ExecuteChangeSet"]
    assert len(changes) == 1, "nothing is left to go back to"
    succeed(running, "deploy.sh", "staging", digest("c"))


def test_the_first_version_has_nothing_to_go_back_to(world: World) -> None:
    world.service.well = False
    assert "nothing to go back to" in refused(world, 1, "deploy.sh", "staging", digest("a"))


def test_a_first_deployment_that_failed_is_cleared_away(world: World) -> None:
    stacks.endings[SERVICE_STACK] = ["ROLLBACK_COMPLETE"]
    assert "nothing to go back to" in refused(world, 1, "deploy.sh", "staging", digest("a"))
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
    first = start(running, "deploy.sh", "staging", digest("b"))
    wait_until(lambda: not stacks.endings[SERVICE_STACK])
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    second = start(running, "deploy.sh", "staging", digest("b"))
    polls = len(running.cloud.calls)
    wait_until(lambda: len(running.cloud.calls) > polls + 2)
    stacks.set_status(SERVICE_STACK, "UPDATE_ROLLBACK_COMPLETE")
    output, errors = second.communicate(timeout=60)
    assert second.returncode == 0, output + errors
    assert f"{SERVICE_STACK} is UPDATE_IN_PROGRESS: waiting" in output
    assert running.image() == digest("b")


def start(world: World, script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [world.project / "deploy/ecs" / script, *arguments],
        env=world.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def wait_until(true: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "waited for a minute"
        time.sleep(0.1)


@pytest.mark.parametrize("script", ["deploy.sh", "rollback.sh"])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Usage: deploy/ecs/{} ENVIRONMENT REPOSITORY@DIGEST"),
        (("staging",), "Usage: deploy/ecs/{} ENVIRONMENT REPOSITORY@DIGEST"),
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


def test_there_is_no_way_back_to_nothing(world: World) -> None:
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


def test_the_new_version_is_tested_before_it_gets_traffic(blue_green: World) -> None:
    hold(blue_green)
    succeed(blue_green, "deploy.sh", "staging", digest("b"))
    assert blue_green.cloud.deployments.answers == ["CONTINUE"]
    tested = [host.rpartition("/")[0] for host in blue_green.service.asked]
    assert tested == ["staging.orders-api.example.com:8443"] * 3 + ["staging.orders-api.example.com"] * 3
    assert blue_green.image() == digest("b")


def test_a_new_version_that_fails_its_test_never_gets_traffic(blue_green: World) -> None:
    hold(blue_green)
    stacks.endings[SERVICE_STACK] = ["UPDATE_ROLLBACK_COMPLETE"]  # what ROLLBACK leads to
    blue_green.service.well = False
    last = refused(blue_green, 1, "deploy.sh", "staging", digest("b"))
    assert blue_green.cloud.deployments.answers == ["ROLLBACK"]
    assert last.endswith(f"staging runs {digest('a')} again")
    assert all(":8443" in host for host in blue_green.service.asked)
    assert blue_green.image() == digest("a")

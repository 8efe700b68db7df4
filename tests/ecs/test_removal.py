"""An environment is taken off AWS by what deploy/README.md says, and nothing stays that was not said to stay."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shipshape.template import Answers

from tests.ecs.conftest import World
from tests.ecs.function import SETUP, Place, place_of  # noqa: F401 (a fixture)
from tests.ecs.function import digest as of_function
from tests.ecs.test_rules import STACKS
from tests.ecs.test_scripts import follow
from tests.support.render import document, name_of
from tests.support.render.answers import ECS, LAMBDA, RDS

ON_AWS = list({name_of(answers): answers for answers in [*ECS, *RDS, *LAMBDA]}.values())
LOOP = re.compile(r"for stack in ([\w -]+); do\n  aws cloudformation delete-stack")
SHARED = {"namespace"}  # of all services of a repository


def left(world: World) -> set[str]:
    """The stacks that are there."""
    stacks = world.client("cloudformation").describe_stacks()["Stacks"]
    return {stack["StackName"] for stack in stacks if stack["StackStatus"] != "DELETE_COMPLETE"}


@pytest.mark.parametrize("answers", ON_AWS, ids=name_of)
def test_each_stack_goes_after_those_that_import_from_it(rendered: Callable[[Answers], Path], answers: Answers) -> None:
    project = rendered(answers)
    (order,) = LOOP.findall((project / document.DEPLOY).read_text())
    folder = project / "deploy" / answers["orchestrator"]
    texts = {path.stem: path.read_text() for path in folder.glob("*.yml") if path.stem not in SHARED}
    assert sorted(order.split()) == sorted(texts)
    for number, stack in enumerate(order.split()):
        exports = set(re.findall(r"Export:\n +Name: !Sub (\S+)", texts[stack]))
        for later in order.split()[number + 1 :]:
            imports = set(re.findall(r'Fn::ImportValue"?: !Sub "?([^\s"]+)', texts[later]))
            assert not exports & imports, f"{later} imports from {stack}, which is deleted before"


def test_a_function_goes_with_its_key(place_of: Callable[..., Place]) -> None:  # noqa: F811
    place = place_of()
    place.make(*SETUP)
    place.make("function", "events", "migrate", Image=of_function("a"), Release="sha256:a made")
    (key,) = (key["KeyId"] for key in place.client("kms").list_keys()["Keys"])
    assert len(left(place)) == len(SETUP) + 3
    follow(place, "Removal", {})
    assert left(place) == set()
    (asked,) = (call.body for call in place.cloud.calls if call.action == "kms:ScheduleKeyDeletion")
    assert json.loads(asked)["KeyId"] == key, "which was kept, or this would have failed"


def protected(balancers: Any, arn: str) -> bool:
    found = balancers.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    return ("deletion_protection.enabled", "true") in {(one["Key"], one["Value"]) for one in found}


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_tasks_go_and_their_load_balancer(world_of: Callable[..., World], environment: str) -> None:
    """Which production protects."""
    world = world_of()
    world.make(*STACKS, environment=environment, Image=f"ghcr.io/octo-org/shop/orders-api@sha256:{'a' * 64}")
    assert len(left(world)) == len(STACKS)
    balancers = world.client("elbv2")
    (balancer,) = (one["LoadBalancerArn"] for one in balancers.describe_load_balancers()["LoadBalancers"])
    assert protected(balancers, balancer) == (environment == "production")
    page = world.project / document.DEPLOY
    page.write_text(page.read_text().replace("orders-api-staging", f"orders-api-{environment}"))
    follow(world, "Removal", {})
    assert left(world) == set()
    assert not protected(balancers, balancer), "which CloudFormation could not delete; moto leaves it there"


def test_it_stops_at_a_stack_that_stays(place_of: Callable[..., Place], tmp_path: Path) -> None:  # noqa: F811
    """Without the function's role, Lambda never gives back its network interfaces."""
    place = place_of()
    place.make(*SETUP)
    called = tmp_path / "called"
    fake = tmp_path / "bin/aws"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\necho "$*" >>{called}\ncase "$*" in *wait*-entry) exit 255 ;; esac\n')
    fake.chmod(0o755)
    environment = place.environment
    path = f"{fake.parent}:{environment['PATH']}"
    script = document.shell(place.project, "Removal", {})
    document.run(place.project, script, environment | {"PATH": path})
    deleted = re.findall(r"delete-stack --stack-name orders-api-staging-(\S+)", called.read_text())
    assert deleted[-1] == "entry"
    assert "schedule-key-deletion" not in called.read_text()

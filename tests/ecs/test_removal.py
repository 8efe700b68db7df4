"""An environment is taken off AWS by what deploy/README.md says, and nothing stays that was not said to stay."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from shipshape.template import Answers

from tests.ecs.conftest import SECRETS, World
from tests.ecs.function import SETUP, Place, place_of  # noqa: F401 (a fixture)
from tests.ecs.function import digest as of_function
from tests.ecs.test_rules import STACKS
from tests.support.aws.cloudformation import load, resolve
from tests.support.aws.policies import IDS
from tests.support.render import document, name_of
from tests.support.render.answers import ECS, LAMBDA, RDS

ON_AWS = list({name_of(answers): answers for answers in [*ECS, *RDS, *LAMBDA]}.values())
LOOP = re.compile(r"for stack in ([\w -]+); do\n  aws cloudformation delete-stack")
SHARED = {"namespace"}  # of all services of a repository
KEPT = ("Retain", "RetainExceptOnCreate")


def commands(project: Path) -> list[str]:
    """What the page says, block by block: the stacks, what they leave, and the registry where it is AWS's."""
    found = document.blocks((project / document.DEPLOY).read_text())
    return [one.text for one in found if (one.heading, one.language) == ("Removal", "sh")]


def remove(world: World) -> None:
    for block in commands(world.project):
        result = document.run(world.project, block, world.environment)
        assert result.returncode == 0, result.stdout + result.stderr


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


def kept_names(project: Path, folder: str) -> Iterator[str]:
    """What outlives its stack in staging, and has a name that no second one may have."""
    for path in [*(project / folder).glob("*.yml"), *(project / "deploy/ecr").glob("*.yml")]:
        for resource in resolve(load(path), SECRETS | {"Environment": "staging"}).values():
            if resource.get("DeletionPolicy") in KEPT and resource["Type"] != "AWS::Lambda::Version":
                yield from (v for name, v in resource["Properties"].items() if name.endswith("Name"))


@pytest.mark.parametrize("answers", ON_AWS, ids=name_of)
def test_what_stacks_leave_is_deleted_by_its_name(rendered: Callable[[Answers], Path], answers: Answers) -> None:
    """CloudFormation makes no log group, queue or repository that is there: setup.sh could not run again.

    https://github.com/grapl-security/grapl/issues/640
    """
    project = rendered(answers)
    names = set(kept_names(project, f"deploy/{answers['orchestrator']}"))
    said = set(re.findall(r"[^\s;\"]+", "\n".join(commands(project)[1:])))
    assert names
    assert names <= said


def test_a_function_goes_with_its_key(place_of: Callable[..., Place]) -> None:  # noqa: F811
    place = place_of()
    place.make(*SETUP)
    place.make("function", "events", "migrate", Image=of_function("a"), Release="sha256:a made")
    (key,) = (key["KeyId"] for key in place.client("kms").list_keys()["Keys"])
    assert len(left(place)) == len(SETUP) + 3
    registry = {
        "StackName": "orders-api-registry",
        "TemplateBody": (place.project / "deploy/ecr/registry.yml").read_text(),
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in IDS.items()],
    }
    place.client("cloudformation").create_stack(**registry)
    remove(place)
    assert left(place) == set()
    assert not place.client("logs").describe_log_groups()["logGroups"]
    assert not place.client("sqs").list_queues().get("QueueUrls")
    assert not place.client("ecr").describe_repositories()["repositories"]
    (asked,) = (call.body for call in place.cloud.calls if call.action == "kms:ScheduleKeyDeletion")
    assert json.loads(asked)["KeyId"] == key, "which was kept, or this would have failed"
    names = place.client("apigatewayv2")
    for one in names.get_domain_names()["Items"]:  # moto leaves them, which go with their stack
        names.delete_domain_name(DomainName=one["DomainName"])
    place.client("cloudformation").create_stack(**registry)
    place.make(*SETUP)
    place.make("function", "events", "migrate", Image=of_function("a"), Release="sha256:a made")


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
    remove(world)
    assert left(world) == set()
    assert not world.client("logs").describe_log_groups()["logGroups"]
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

"""What a deployment calls is allowed, nothing else is, and `*` stands only where AWS has nothing narrower."""

import json
from collections.abc import Callable, Iterator
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from shipshape.template import Answers

from tests.ecs.conftest import PLAIN, SETUP, World, answers, digest
from tests.ecs.test_rules import STACKS, Deployment, deployments
from tests.support.aws import stacks
from tests.support.aws.cloudformation import load, parameters, resolve
from tests.support.aws.policies import IDS, admits, strangers, token
from tests.support.render import ORDERS

# What cfn-lint brings along of AWS's own lists: which actions there are and which kinds of resource each knows
# (https://docs.aws.amazon.com/service-authorization/latest/reference/), and what CloudFormation calls for a resource.
DATA = files("cfnlint") / "data"
ACTIONS = json.loads((DATA / "AdditionalSpecs/Policies.json").read_text())
# What CloudFormation's list has for a resource that this one does not use.
NOT_USED = {
    "a key of one's own for a cluster": {"kms:DescribeKey"},
    "settings of the account, and capacity of another kind": {
        "ecs:PutAccountSetting",
        "ecs:PutAccountSettingDefault",
        "ecs:PutClusterCapacityProviders",
    },
    "what masks, indexes, encrypts or forwards logs": {
        "firehose:TagDeliveryStream",
        "logs:AssociateKmsKey",
        "logs:CreateLogDelivery",
        "logs:DeleteDataProtectionPolicy",
        "logs:DeleteIndexPolicy",
        "logs:DeleteResourcePolicy",
        "logs:DisassociateKmsKey",
        "logs:PutBearerTokenAuthentication",
        "logs:PutDataProtectionPolicy",
        "logs:PutIndexPolicy",
        "logs:PutLogGroupDeletionProtection",
        "logs:PutResourcePolicy",
        "s3:REST.PUT.OBJECT",
    },
    "managed policies, and taking the boundary off": {
        "iam:AttachRolePolicy",
        "iam:DeleteRolePermissionsBoundary",
        "iam:DetachRolePolicy",
    },
    "scaling by the clock": {
        "application-autoscaling:DeleteScheduledAction",
        "application-autoscaling:PutScheduledAction",
    },
    "functions": {f"lambda:{verb}ProvisionedConcurrencyConfig" for verb in ("Get", "Put", "Delete")},
}
# What IAM itself asks for beside the call: handing CloudFormation its role. And what recover.sh calls while
# CloudFormation or a migration is at work: test_scripts.py and test_migrations.py cancel a job then, and see the call.
BESIDE = {"iam:PassRole", "cloudformation:CancelUpdateStack", "ecs:StopTask"}
# What everybody may ask: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
FREE = {"sts:GetCallerIdentity"}


def handlers(kind: str) -> set[str]:
    """What CloudFormation calls to make, read, change and delete a resource of this type."""
    digest_of = json.loads((DATA / "schemas/providers/us-east-1.json").read_text())[kind]
    schema = json.loads((DATA / f"schemas/resources/{digest_of}.json").read_text())
    return {
        action for name, handler in schema["handlers"].items() if name != "list" for action in handler["permissions"]
    }


def as_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else value


def statements(project: Path, role: str, environment: str = "staging") -> list[dict[str, Any]]:
    resources = resolve(load(project / "deploy/ecs/bootstrap.yml"), parameters(project, environment))
    (policy,) = resources[role]["Properties"]["Policies"]
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


def allowed(project: Path, role: str) -> set[str]:
    return {action for statement in statements(project, role) for action in as_list(statement["Action"])}


@pytest.fixture(scope="module", params=PLAIN)
def project(request: pytest.FixtureRequest, rendered: Callable[[Answers], Path]) -> Path:
    return rendered(answers(request.param))


def test_the_stack_role_may_do_what_cloudformation_calls_and_no_more(project: Path) -> None:
    kinds = {
        resource["Type"]
        for stack in ("roles", "migrate", "service")
        for resource in load(project / f"deploy/ecs/{stack}.yml")["Resources"].values()
    }
    called = set[str]().union(*map(handlers, kinds))
    unused = set[str]().union(*NOT_USED.values())
    assert unused <= called, "an exception that is none"
    assert allowed(project, "StackRole") == called - unused


@pytest.mark.parametrize("strategy", PLAIN)
def test_the_deploy_role_may_do_what_the_scripts_call_and_no_more(
    world_of: Callable[..., World], strategy: str
) -> None:
    """Failed, cleared away, deployed and rolled back by hand: the calls are those that the role may make."""
    world = world_of(strategy=strategy)
    world.make(*SETUP)
    stack = "orders-api-staging-service"
    stacks.endings[stack] = ["ROLLBACK_COMPLETE"]
    assert world.run("deploy.sh", "staging", digest("a")).returncode == 1
    world.cloud.tasks.exit_code = 1
    assert world.run("deploy.sh", "staging", digest("a")).returncode == 1
    world.cloud.tasks.exit_code = 0
    if strategy != "rolling":
        world.cloud.hold_for("staging-service")
    assert world.run("deploy.sh", "staging", digest("a")).returncode == 0
    assert world.run("rollback.sh", "staging", digest("b")).returncode == 0
    made = {call.action for call in world.cloud.calls}
    assert (made | BESIDE) - FREE == allowed(world.project, "DeployRole")
    for call in world.cloud.calls:
        if call.action.startswith("cloudformation:"):
            assert "orders-api-staging-" in call.body, "a call about another stack"
        if call.action in {"cloudformation:CreateChangeSet", "cloudformation:DeleteStack"}:
            assert "RoleARN=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Forders-api-staging-stack" in call.body


MATRIX = [answers(strategy, registry) for strategy in PLAIN for registry in ("ghcr", "ecr")]


@pytest.fixture(scope="module", params=MATRIX, ids=lambda one: f"{one['deployment_strategy']}-{one['registry']}")
def all_of(request: pytest.FixtureRequest, rendered: Callable[[Answers], Path]) -> list[Deployment]:
    return list(deployments(rendered(request.param), request.param))


def every_action(all_of: list[Deployment]) -> Iterator[tuple[str, list[str]]]:
    for deployment in all_of:
        for statement in deployment.statements:
            assert statement["Effect"] == "Allow"
            for action in as_list(statement["Action"]):
                yield action, as_list(statement["Resource"])


def test_each_action_exists_and_names_its_resource(all_of: list[Deployment]) -> None:
    """`*` for a resource stands where AWS's list has none for the action; GetMetricData's `dataset` is none of ours."""
    for action, targets in every_action(all_of):
        assert "*" not in action
        service, _, name = action.partition(":")
        known = {one.lower(): kinds for one, kinds in ACTIONS[service]["Actions"].items()}[name.lower()]
        narrower = set(known.get("Resources", [])) - {"dataset"}
        assert ("*" in targets) == (not narrower), f"{action} on {targets}"


def test_only_its_own_names_are_within_reach(all_of: list[Deployment]) -> None:
    """Each resource is this service's in this environment, but for what AWS shares: scaling, and roles of its own."""
    shared = ("scalable-target/*", "/AWSServiceRoleForECS", "/AWSServiceRoleForApplicationAutoScaling_ECSService")
    for deployment in all_of:
        for statement in deployment.statements:
            for resource in as_list(statement["Resource"]):
                if resource.startswith("arn:") and not resource.endswith(shared):
                    own = f"orders-api-{deployment.environment}" in resource
                    assert own or resource.endswith(":repository/orders-api") or ":secret:" in resource, resource


def test_a_role_is_made_and_changed_only_within_the_boundary(project: Path) -> None:
    # The actions that know the condition: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
    bounded = {"iam:CreateRole", "iam:DeleteRolePolicy", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"}
    for statement in statements(project, "StackRole"):
        if bounded & set(as_list(statement["Action"])):
            assert set(as_list(statement["Action"])) <= bounded
            assert statement["Condition"] == {"StringEquals": {"iam:PermissionsBoundary": "PermissionsBoundary"}}
        if "iam:PassRole" in as_list(statement["Action"]):
            assert statement["Condition"]["StringEquals"].keys() == {"iam:PassedToService"}


# What narrows the stack role, by the keys that each action knows; `IfExists` where a request may lack them.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsapplicationautoscaling.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
SCALING = {
    "application-autoscaling:service-namespace": "ecs",
    "application-autoscaling:scalable-dimension": "ecs:service:DesiredCount",
}
NARROWED: dict[str, dict[str, Any]] = {
    "application-autoscaling:DeleteScalingPolicy": {"StringEquals": SCALING},
    "application-autoscaling:DeregisterScalableTarget": {"StringEquals": SCALING},
    "application-autoscaling:PutScalingPolicy": {"StringEquals": SCALING},
    "application-autoscaling:RegisterScalableTarget": {"StringEquals": SCALING},
    "ecs:CreateService": {"StringEqualsIfExists": {"ecs:enable-execute-command": "false"}},
    "ecs:UpdateService": {"StringEqualsIfExists": {"ecs:enable-execute-command": "false"}},
    "ecs:RegisterTaskDefinition": {"StringEqualsIfExists": {"ecs:privileged": "false"}},
    "iam:CreateServiceLinkedRole": {
        "StringEquals": {"iam:AWSServiceName": ["ecs.amazonaws.com", "ecs.application-autoscaling.amazonaws.com"]}
    },
}


def test_the_stack_role_is_narrowed_by_the_conditions_that_its_actions_know(project: Path) -> None:
    found = {
        action: statement.get("Condition", {})
        for statement in statements(project, "StackRole")
        for action in as_list(statement["Action"])
    }
    others = {"iam:PermissionsBoundary", "iam:PassedToService"}
    assert {action: found[action] for action in NARROWED} == NARROWED
    for action, condition in found.items():
        keys = {key for conditions in condition.values() for key in conditions}
        assert action in NARROWED or keys <= others, f"a condition on {action} that AWS may not know: never met"


def test_the_roles_of_the_tasks_fit_into_the_boundary(all_of: list[Deployment]) -> None:
    for deployment in all_of:
        boundary = deployment.one("AWS::IAM::ManagedPolicy")["PolicyDocument"]["Statement"]
        for role in ("ExecutionRole", "MigrationRole"):
            (policy,) = deployment.resources[role]["Properties"]["Policies"]
            for action, target in pairs(policy["PolicyDocument"]["Statement"]):
                assert (action, target) in set(pairs(boundary)), "Fargate could not start a task"


def pairs(found: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for statement in found:
        yield from product(as_list(statement["Action"]), as_list(statement["Resource"]))


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_who_may_take_the_deploy_role(project: Path, environment: str) -> None:
    given = parameters(project, environment) | IDS
    resources = resolve(load(project / "deploy/ecs/bootstrap.yml"), given)
    policy = resources["DeployRole"]["Properties"]["AssumeRolePolicyDocument"]
    assert policy["Statement"][0]["Condition"].keys() == {"StringEquals"}, "nothing with a wildcard"
    repository, context = ORDERS["repository"], f"environment:{environment}"
    for ids in (False, True):
        assert admits(policy, token(repository, context, ids=ids))
        for other in ("ref:refs/heads/main", "pull_request", f"{context}2", "environment:preview"):
            assert not admits(policy, token(repository, other, ids=ids)), other
        branch = token(repository, context, ids=ids, ref="refs/heads/feature")
        assert not admits(policy, branch), "where the owner forgot to limit the environment to main"
    assert [who for who, job in strangers(repository, context).items() if admits(policy, job)] == []


def test_the_workflow_takes_that_role(project: Path) -> None:
    for name in ("deploy.yml", "rollback.yml"):
        text = (project / ".github/workflows" / name).read_text()
        assert "role-to-assume: arn:aws:iam::123456789012:role/orders-api-${{ env.ENVIRONMENT }}-deploy" in text
    roles = {
        resource["Properties"]["RoleName"]
        for resource in resolve(load(project / "deploy/ecs/bootstrap.yml"), parameters(project, "staging")).values()
        if resource["Type"] == "AWS::IAM::Role"
    }
    assert roles == {"orders-api-staging-deploy", "orders-api-staging-stack"}


def test_names_fit(rendered: Callable[[Answers], Path]) -> None:
    """The longest name that a service may have: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html."""
    project = rendered(answers("blue-green"))
    for stack in STACKS:
        for resource in resolve(load(project / f"deploy/ecs/{stack}.yml"), parameters(project, "production")).values():
            name = resource["Properties"].get("RoleName", "")
            assert len(name) + 40 - len("orders-api") <= 64, name

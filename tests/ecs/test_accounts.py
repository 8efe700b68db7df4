"""Staging and production in accounts and regions of their own: who takes which role, and what goes where."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from shipshape.template import Answers

from tests.ecs.conftest import World, answers, digest
from tests.support.aws.cloud import ACCOUNT
from tests.support.aws.cloudformation import load, parameters, resolve
from tests.support.aws.policies import IDS
from tests.support.tools import run

OTHER = "222233334444"
APART: Answers = {"aws_production_account_id": OTHER, "aws_production_region": "eu-west-1"}
WHERE = {"staging": (ACCOUNT, "us-east-1"), "production": (OTHER, "eu-west-1")}
ON_EKS: Answers = {"orchestrator": "kubernetes", "kubernetes_access": "eks", "registry": "ecr", "language": "go"}


def evaluate(text: str, environment: str) -> str:
    """A text of a workflow with the expressions about its environment put in, as GitHub does.

    https://docs.github.com/en/actions/reference/workflows-and-actions/expressions#operators
    """
    text = re.sub(
        r"\$\{\{ env\.ENVIRONMENT == '(\w+)' && '([^']*)' \|\| '([^']*)' \}\}",
        lambda found: found[2] if found[1] == environment else found[3],
        text,
    )
    return text.replace("${{ env.ENVIRONMENT }}", environment)


def roles_taken(project: Path, environment: str) -> list[tuple[str, str]]:
    """Role and region of each login of the jobs that deploy to an environment, or roll it back, in their order."""
    found = []
    for workflow, job in (("deploy", environment), ("rollback", "rollback")):
        content: Any = yaml.safe_load((project / f".github/workflows/{workflow}.yml").read_text())
        found += [
            (evaluate(step["with"]["role-to-assume"], environment), evaluate(step["with"]["aws-region"], environment))
            for step in content["jobs"][job]["steps"]
            if str(step.get("uses")).startswith("aws-actions/configure-aws-credentials@")
        ]
    return found


@pytest.mark.parametrize("environment", WHERE)
def test_a_job_pulls_with_the_registrys_role_and_deploys_with_its_environments(
    rendered: Callable[[Answers], Path], environment: str
) -> None:
    project = rendered(answers(registry="ecr", **APART))
    account, region = WHERE[environment]
    made = resolve(
        load(project / "deploy/ecs/bootstrap.yml"), parameters(project, environment), AccountId=account, Region=region
    )
    role = f"arn:aws:iam::{account}:role/{made['DeployRole']['Properties']['RoleName']}"
    pull = (f"arn:aws:iam::{ACCOUNT}:role/orders-api-pull", "us-east-1")
    assert roles_taken(project, environment) == [pull, (role, region)] * 2


@pytest.mark.parametrize("environment", WHERE)
def test_a_deployer_of_eks_is_in_its_environments_account(
    rendered: Callable[[Answers], Path], environment: str
) -> None:
    project = rendered(ON_EKS | APART)
    account, region = WHERE[environment]
    role = f"arn:aws:iam::{account}:role/orders-api-deployer-{environment}"
    assert roles_taken(project, environment)[1::2] == [(role, region)] * 2
    text = (project / "deploy/README.md").read_text()
    assert f"--region eu-west-1`, with credentials of the account {OTHER}" in text


def test_one_account_is_the_default_and_needs_no_expression(rendered: Callable[[Answers], Path]) -> None:
    project = rendered(answers(registry="ecr"))
    for environment in WHERE:
        deploy = f"arn:aws:iam::{ACCOUNT}:role/orders-api-{environment}-deploy"
        assert (deploy, "us-east-1") in roles_taken(project, environment)
    assert "ENVIRONMENT ==" not in (project / ".github/workflows/deploy.yml").read_text()
    assert "RepositoryPolicyText" not in (project / "deploy/ecr/registry.yml").read_text()


@pytest.mark.parametrize("choices", [answers(registry="ecr", **APART), ON_EKS | APART], ids=["ecs", "eks"])
def test_production_may_pull_from_the_registry_and_no_more(
    rendered: Callable[[Answers], Path], choices: Answers
) -> None:
    """Who is not in the registry's account needs both: the repository's policy and one of its own.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html
    """
    project = rendered(choices)
    repository = resolve(load(project / "deploy/ecr/registry.yml"), IDS)["Repository"]["Properties"]
    (statement,) = repository["RepositoryPolicyText"]["Statement"]
    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{OTHER}:root"}
    assert set(statement["Action"]) == {"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}
    run(["cfn-lint", str(project / "deploy/ecr/registry.yml")])
    if choices["orchestrator"] == "ecs":
        made = resolve(load(project / "deploy/ecs/roles.yml"), parameters(project, "production"), AccountId=OTHER)
        pulling = {
            f"arn:aws:iam::{OTHER}:role/{made[name]['Properties']['RoleName']}"
            for name in ("ExecutionRole", "MigrationRole")
        }
        assert set(statement["Condition"]["ArnEquals"]["aws:PrincipalArn"]) == pulling
        registry = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/orders-api"
        for name in ("ExecutionRole", "MigrationRole"):
            assert registry in str(made[name]["Properties"]["Policies"]), "its own policy names another registry"


def test_parameters_name_what_is_in_their_environments_account(rendered: Callable[[Answers], Path]) -> None:
    project = rendered(answers(**APART))
    for environment, (account, region) in WHERE.items():
        arns = [value for value in parameters(project, environment).values() if value.startswith("arn:")]
        assert len(arns) == 3
        assert {tuple(arn.split(":")[3:5]) for arn in arns} == {(region, account)}


@pytest.mark.parametrize("script", ["setup.sh", "deploy.sh", "rollback.sh", "recover.sh", "restart.sh"])
def test_credentials_of_another_account_are_refused(world_of: Callable[..., World], script: str) -> None:
    """Or everything would be made anew, in the wrong one."""
    world = world_of(**APART)
    image = [digest("a")] if script in {"deploy.sh", "rollback.sh"} else []
    result = world.run(script, "production", *image)
    assert result.returncode == 1
    (line,) = result.stderr.strip().splitlines()
    assert f"production is in the AWS account {OTHER}, but these credentials are for {ACCOUNT}" in line
    assert {call.action for call in world.cloud.calls} == {"sts:GetCallerIdentity"}


def test_each_environment_is_worked_on_in_its_region(world_of: Callable[..., World]) -> None:
    """Whatever the shell has: version 2 of the aws command takes AWS_REGION before AWS_DEFAULT_REGION."""
    world = world_of(aws_production_region="eu-west-1")
    for environment, region in (("staging", "us-east-1"), ("production", "eu-west-1")):
        world.cloud.calls.clear()
        result = world.run(
            "deploy.sh", environment, digest("a"), AWS_REGION="us-west-2", AWS_DEFAULT_REGION="us-west-2"
        )
        assert f"run deploy/ecs/setup.sh {environment}" in result.stderr
        assert {call.region for call in world.cloud.calls} == {region}
    library = (world.project / "deploy/ecs/lib.sh").read_text()
    assert "export AWS_REGION=$region AWS_DEFAULT_REGION=$region" in library

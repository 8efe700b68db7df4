"""The stack of the ECR repository: made in moto, read back, and its trust tried."""

import json
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws
from shipshape.template import Answers

from tests.support.render import ORDERS

ACCOUNT, REGION = "123456789012", "us-east-1"
SERVICE, REPOSITORY = ORDERS["service_name"], f"{ORDERS['github_owner']}/{ORDERS['service_name']}"


@pytest.fixture
def template_body(rendered: Callable[[Answers], Path]) -> str:
    project = rendered({"language": "python", "registry": "ecr"})
    return (project / "deploy/ecr/registry.yml").read_text()


@pytest.fixture
def stack(template_body: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        boto3.client("cloudformation", REGION).create_stack(
            StackName=f"{SERVICE}-registry", TemplateBody=template_body, Capabilities=["CAPABILITY_NAMED_IAM"]
        )
        yield


def trust_policy() -> dict[str, Any]:
    role = boto3.client("iam", REGION).get_role(RoleName=f"{SERVICE}-push")["Role"]
    policy: Any = role["AssumeRolePolicyDocument"]
    return json.loads(policy) if isinstance(policy, str) else dict(policy)


def admits(policy: dict[str, Any], claims: dict[str, str]) -> bool:
    """Whether a token with these claims may take the role.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    operators: dict[str, Callable[[str, str], bool]] = {"StringEquals": str.__eq__, "StringLike": fnmatchcase}
    (statement,) = policy["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "sts:AssumeRoleWithWebIdentity")
    assert statement["Condition"].keys() == operators.keys()
    for operator, conditions in statement["Condition"].items():
        for key, wanted in conditions.items():
            value = claims[key.rpartition(":")[2]]
            if not any(operators[operator](value, one) for one in ([wanted] if isinstance(wanted, str) else wanted)):
                return False
    return True


def claims(subject: str, audience: str = "sts.amazonaws.com") -> dict[str, str]:
    return {"sub": subject, "aud": audience}


def test_the_repository_is_made_as_it_should(stack: None, template_body: str) -> None:
    (repository,) = boto3.client("ecr", REGION).describe_repositories()["repositories"]
    assert repository["repositoryUri"] == f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{SERVICE}"
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert "ScanOnPush: true" in template_body  # moto keeps no scanning configuration that came by CloudFormation


def test_old_commits_go_and_releases_stay(template_body: str) -> None:
    start = template_body.index("{", template_body.index("LifecyclePolicyText"))
    policy, _ = json.JSONDecoder().raw_decode(template_body[start:])
    # What a rule selects, a rule after it can't expire: so a release, which has its commit's tag too, stays.
    # https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
    releases, commits = sorted(policy["rules"], key=lambda rule: int(rule["rulePriority"]))
    assert any(fnmatchcase("1.2.3", pattern) for pattern in releases["selection"]["tagPatternList"])
    assert releases["selection"]["countNumber"] >= 1000
    assert not any(fnmatchcase("sha-0123456789ab", pattern) for pattern in releases["selection"]["tagPatternList"])
    assert any(fnmatchcase("sha-0123456789ab", pattern) for pattern in commits["selection"]["tagPatternList"])
    assert all(rule["selection"]["tagStatus"] == "tagged" for rule in policy["rules"]), "signatures have no tag"


@pytest.mark.parametrize("subject", ["ref:refs/heads/main", "ref:refs/tags/v1.2.3"])
def test_the_pipeline_of_this_repository_may_push(stack: None, subject: str) -> None:
    assert admits(trust_policy(), claims(f"repo:{REPOSITORY}:{subject}"))


@pytest.mark.parametrize(
    "subject",
    [
        f"repo:{REPOSITORY}:ref:refs/heads/feature",
        f"repo:{REPOSITORY}:ref:refs/heads/main2",
        f"repo:{REPOSITORY}:ref:refs/tags/nightly",
        f"repo:{REPOSITORY}:pull_request",
        f"repo:{REPOSITORY}:environment:production",
        f"repo:{REPOSITORY}-fork:ref:refs/heads/main",
        f"repo:stranger/{SERVICE}:ref:refs/heads/main",
    ],
)
def test_nobody_else_may(stack: None, subject: str) -> None:
    assert not admits(trust_policy(), claims(subject))


def test_a_token_for_somebody_else_is_refused(stack: None) -> None:
    assert not admits(trust_policy(), claims(f"repo:{REPOSITORY}:ref:refs/heads/main", "https://github.com/octo-org"))


def test_the_role_may_push_to_this_repository_and_no_more(stack: None) -> None:
    policy = boto3.client("iam", REGION).get_role_policy(RoleName=f"{SERVICE}-push", PolicyName="push")
    document: Any = policy["PolicyDocument"]
    if isinstance(document, str):  # moto answers with Python's own notation, which YAML reads
        document = yaml.safe_load(document)
    for statement in document["Statement"]:
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        assert not [action for action in actions if "*" in action or "Delete" in action]
        if statement["Resource"] == "*":
            assert actions == ["ecr:GetAuthorizationToken"], "AWS has no narrower resource for this one alone"
        else:
            assert statement["Resource"].endswith(f":repository/{SERVICE}")

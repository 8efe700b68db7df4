"""The stack of the ECR repository: made in moto, read back, and its trust tried."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from shipshape.template import Answers

from tests.support.aws.policies import IDS, actions, admits, role_policy, strangers, token, trust_policy
from tests.support.render import ORDERS

ACCOUNT, REGION = "123456789012", "us-east-1"
SERVICE, REPOSITORY = ORDERS["service_name"], ORDERS["repository"]


@pytest.fixture(scope="module")
def template_body(rendered: Callable[[Answers], Path]) -> str:
    project = rendered({"language": "python", "registry": "ecr"})
    return (project / "deploy/ecr/registry.yml").read_text()


@pytest.fixture(scope="module")
def stack(template_body: str) -> Iterator[None]:
    """Made once: the tests read it alone."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        boto3.client("cloudformation", REGION).create_stack(
            StackName=f"{SERVICE}-registry",
            TemplateBody=template_body,
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in IDS.items()],
        )
        yield


def test_the_repository_is_made_as_it_should(stack: None, template_body: str) -> None:
    (repository,) = boto3.client("ecr", REGION).describe_repositories()["repositories"]
    assert repository["repositoryUri"] == f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{SERVICE}"
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert "ScanOnPush: true" in template_body  # moto keeps no scanning configuration that came by CloudFormation


@dataclass
class Image:
    """What ECR knows of one; times in days ago."""

    tags: list[str]
    pushed: int
    pulled: int | None = None
    archived: int | None = None

    def age(self, count: str) -> int:
        """By what a rule counts. One that was never pulled counts from its push."""
        of_pull = self.pushed if self.pulled is None else self.pulled
        ages = {"sinceImagePushed": self.pushed, "sinceImagePulled": of_pull, "sinceImageTransitioned": self.archived}
        return ages[count] or 0


def evaluate(policy: dict[str, Any], images: dict[str, Image]) -> dict[str, str]:
    """What is done to which image. What a rule selects, no rule after it touches.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
    """
    done: dict[str, str] = {}
    left = dict(images)
    for rule in sorted(policy["rules"], key=lambda one: int(one["rulePriority"])):
        selection = rule["selection"]
        archived = selection.get("storageClass", "standard") == "archive"
        found = {
            name: image
            for name, image in left.items()
            if (image.archived is not None) == archived and selects(selection, image.tags)
        }
        left = {name: image for name, image in left.items() if name not in found}
        if selection["countType"] == "imageCountMoreThan":
            chosen = sorted(found, key=lambda name: found[name].pushed)[selection["countNumber"] :]
        else:
            assert selection["countUnit"] == "days"
            chosen = [n for n, image in found.items() if image.age(selection["countType"]) >= selection["countNumber"]]
        # Archiving alone goes by the last pull: https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_examples.html
        assert selection["countType"] != "sinceImagePulled" or rule["action"]["type"] == "transition"
        done |= dict.fromkeys(chosen, rule["action"].get("targetStorageClass", rule["action"]["type"]))
    return done


def selects(selection: dict[str, Any], tags: list[str]) -> bool:
    if selection["tagStatus"] == "tagged":  # several patterns: an image must have a tag for each
        return all(any(fnmatchcase(tag, pattern) for tag in tags) for pattern in selection["tagPatternList"])
    return selection["tagStatus"] == "any" or not tags


def test_an_image_that_runs_stays_and_so_does_a_release(template_body: str) -> None:
    start = template_body.index("{", template_body.index("LifecyclePolicyText"))
    policy, _ = json.JSONDecoder().raw_decode(template_body[start:])
    merges = {f"merge {number}": Image([f"sha-{number:012x}"], pushed=number // 8) for number in range(400)}
    images = merges | {
        "runs since half a year": Image(["sha-aaaaaaaaaaaa"], pushed=180, pulled=7),  # the weekly scan
        "its platform": Image([], pushed=180, pulled=7),
        "platform that nobody pulls": Image([], pushed=400),
        "signature": Image([], pushed=400),
        "release": Image(["sha-bbbbbbbbbbbb", "1.2.3"], pushed=900),
        "forgotten": Image(["sha-cccccccccccc"], pushed=100),
        "long archived": Image(["sha-dddddddddddd"], pushed=500, archived=400),
        "archived lately": Image(["sha-eeeeeeeeeeee"], pushed=500, archived=10),
    }
    assert evaluate(policy, images) == {"forgotten": "archive", "long archived": "expire"}


@pytest.mark.parametrize("ids", [False, True], ids=["by name", "by id"])
@pytest.mark.parametrize("context", ["ref:refs/heads/main", "ref:refs/tags/v1.2.3"])
def test_the_pipeline_of_this_repository_may_push(stack: None, context: str, ids: bool) -> None:
    assert admits(trust_policy(f"{SERVICE}-push"), token(REPOSITORY, context, ids=ids))


@pytest.mark.parametrize("ids", [False, True], ids=["by name", "by id"])
@pytest.mark.parametrize(
    "context",
    [
        "ref:refs/heads/feature", "ref:refs/heads/main2", "ref:refs/tags/nightly", "pull_request",
        "environment:production", "environment:ref:refs/heads/main",
    ],
)  # fmt: skip
def test_no_other_job_may_push(stack: None, context: str, ids: bool) -> None:
    assert not admits(trust_policy(f"{SERVICE}-push"), token(REPOSITORY, context, ids=ids))


@pytest.mark.parametrize("ids", [False, True], ids=["by name", "by id"])
@pytest.mark.parametrize("environment", ["staging", "production"])
def test_a_deployment_to_either_environment_may_pull(stack: None, environment: str, ids: bool) -> None:
    assert admits(trust_policy(f"{SERVICE}-pull"), token(REPOSITORY, f"environment:{environment}", ids=ids))


@pytest.mark.parametrize("ids", [False, True], ids=["by name", "by id"])
@pytest.mark.parametrize(
    "context", ["ref:refs/heads/main", "pull_request", "environment:preview", "environment:production2"]
)
def test_no_other_job_may_pull(stack: None, context: str, ids: bool) -> None:
    assert not admits(trust_policy(f"{SERVICE}-pull"), token(REPOSITORY, context, ids=ids))


def test_a_deployment_from_another_branch_may_not_pull(stack: None) -> None:
    """Even where the owner forgot to limit the environment to main."""
    job = token(REPOSITORY, "environment:production", ref="refs/heads/feature")
    assert not admits(trust_policy(f"{SERVICE}-pull"), job)


@pytest.mark.parametrize(("role", "context"), [("push", "ref:refs/heads/main"), ("pull", "environment:production")])
def test_no_other_repository_takes_a_role(stack: None, role: str, context: str) -> None:
    policy = trust_policy(f"{SERVICE}-{role}")
    assert [who for who, job in strangers(REPOSITORY, context).items() if admits(policy, job)] == []


@pytest.mark.parametrize("name", ["push", "pull"])
def test_a_role_reaches_this_repository_and_no_more(stack: None, name: str) -> None:
    for statement in role_policy(f"{SERVICE}-{name}", name):
        assert not [action for action in actions(statement) if "*" in action or "Delete" in action]
        if statement["Resource"] == "*":
            assert actions(statement) == ["ecr:GetAuthorizationToken"], (
                "AWS has no narrower resource for this one alone"
            )
        else:
            assert statement["Resource"].endswith(f":repository/{SERVICE}")


# What each command of crane asks of a registry, in ECR's words; `--tarball` asks nothing.
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html; for `ls`: https://github.com/containers/skopeo/issues/738
READ = {"ecr:BatchGetImage"}
WRITE = READ | {"ecr:PutImage"}
LAYERS = {"CompleteLayerUpload", "InitiateLayerUpload", "UploadLayerPart"}
ASKS = {
    "ls": {"ecr:ListImages"}, "digest": READ, "manifest": READ, "pull": READ | {"ecr:GetDownloadUrlForLayer"},
    "tag": WRITE, "index": WRITE,
    "push": WRITE | {"ecr:BatchCheckLayerAvailability"} | {f"ecr:{action}" for action in LAYERS},
}  # fmt: skip


@pytest.mark.parametrize("layout", ["alone", "several"])
def test_who_pushes_may_what_the_scripts_ask_and_no_more(
    stack: None, rendered: Callable[[Answers], Path], layout: str
) -> None:
    project = rendered({"language": "python", "registry": "ecr", "layout": layout})
    scripts = "\n".join(path.read_text() for path in project.rglob("scripts/*.sh"))
    verbs = set(re.findall(r"(?m)(?:^|[(!=|&;]|\bthen|\bdo)\s*crane ([a-z]+)", scripts))
    assert {"ls", "digest", "push"} <= verbs
    asked = {"ecr:GetAuthorizationToken"}.union(*(ASKS[verb] for verb in verbs))
    assert {action for statement in role_policy(f"{SERVICE}-push", "push") for action in actions(statement)} == asked


def test_who_pulls_does_not_push(stack: None) -> None:
    allowed = {action for statement in role_policy(f"{SERVICE}-pull", "pull") for action in actions(statement)}
    assert allowed == {"ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}

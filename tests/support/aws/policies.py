"""What AWS makes of a token of GitHub's."""

import json
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import boto3
import yaml

OPERATORS: dict[str, Callable[[str, str], bool]] = {"StringEquals": str.__eq__, "StringLike": fnmatchcase}


def trust_policy(role: str, region: str = "us-east-1") -> dict[str, Any]:
    policy: Any = boto3.client("iam", region).get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    return json.loads(policy) if isinstance(policy, str) else dict(policy)


def role_policy(role: str, name: str, region: str = "us-east-1") -> list[dict[str, Any]]:
    """The statements of a role's inline policy."""
    policy = boto3.client("iam", region).get_role_policy(RoleName=role, PolicyName=name)
    document: Any = policy["PolicyDocument"]
    if isinstance(document, str):  # moto answers with Python's own notation, which YAML reads
        document = yaml.safe_load(document)
    return list(document["Statement"])


def actions(statement: dict[str, Any]) -> list[str]:
    return [statement["Action"]] if isinstance(statement["Action"], str) else list(statement["Action"])


# Which claims of GitHub's AWS compares; any other key is never there, so that no condition on it is ever met.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
KEYS = {
    "actor", "actor_id", "aud", "enterprise_id", "environment", "job_workflow_ref", "ref", "repository",
    "repository_id", "sub", "workflow",
}  # fmt: skip


def admits(policy: dict[str, Any], claims: dict[str, str]) -> bool:
    """Whether a token with these claims may take the role.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    (statement,) = policy["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "sts:AssumeRoleWithWebIdentity")
    assert statement["Condition"].keys() <= OPERATORS.keys()
    asked = {key for keys in statement["Condition"].values() for key in keys}
    issuer = "token.actions.githubusercontent.com"
    assert {f"{issuer}:{claim}" for claim in ("sub", "aud", "repository_id")} <= asked, "a role that is trusted by name"
    assert asked <= {f"{issuer}:{claim}" for claim in KEYS}
    for operator, conditions in statement["Condition"].items():
        for key, wanted in conditions.items():
            value = claims.get(key.rpartition(":")[2])
            patterns = [wanted] if isinstance(wanted, str) else wanted
            if value is None or not any(OPERATORS[operator](value, pattern) for pattern in patterns):
                return False
    return True


OWNER_ID, REPOSITORY_ID = "583231", "1296269"
IDS = {"RepositoryOwnerId": OWNER_ID, "RepositoryId": REPOSITORY_ID}


def token(
    repository: str,
    context: str,
    *,
    ids: bool = True,
    owner_id: str = OWNER_ID,
    repository_id: str = REPOSITORY_ID,
    **claims: str,
) -> dict[str, str]:
    """The claims of a job on main, if not told else.

    `context`: how its subject ends, such as `environment:staging`. `ids`: whether the subject has them, as in
    repositories made since July 2026.
    https://docs.github.com/en/actions/reference/security/oidc#immutable-subject-claims
    """
    owner, name = repository.split("/")
    whose = f"{owner}@{owner_id}/{name}@{repository_id}" if ids else repository
    return {
        "sub": f"repo:{whose}:{context}",
        "aud": "sts.amazonaws.com",
        "ref": context.removeprefix("ref:") if context.startswith("ref:") else "refs/heads/main",
        "repository": repository,
        "repository_id": repository_id,
    } | claims


def strangers(repository: str, context: str) -> dict[str, dict[str, str]]:
    """What is wrong, and the token of such a job, which no role may admit although its own context would be right."""
    owner, name = repository.split("/")
    both = {"by name": False, "by id": True}
    others = {
        f"{what}, {form}": token(repository, context, ids=ids, **more)
        for form, ids in both.items()
        for what, more in {
            "another repository of that name": {"repository_id": "1296270"},
            "a name taken by somebody else": {"owner_id": "583232", "repository_id": "1296270"},
            "a token for somebody else": {"aud": f"https://github.com/{owner}"},
        }.items()
    }
    others |= {
        f"{other}, {form}": token(other, context, ids=ids)
        for form, ids in both.items()
        for other in (
            f"{repository}-fork", f"stranger/{name}", repository.lower(), repository.replace(".", "-"),
            f"{owner}/*", "*/*", f"{owner}/{'?' * len(name)}",
        )
    }  # fmt: skip
    # what the owner of another repository might call it, or its environment, to end up with the right text
    others["another owner's id"] = token(repository, context, owner_id="583232")
    in_the_name = f"{owner}@{OWNER_ID}/{name}@{REPOSITORY_ID}"
    others["ids in the name"] = token(in_the_name, context, ids=False, repository_id="1296270")
    return others

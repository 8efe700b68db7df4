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


def admits(policy: dict[str, Any], claims: dict[str, str]) -> bool:
    """Whether a token with these claims may take the role.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    (statement,) = policy["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "sts:AssumeRoleWithWebIdentity")
    assert statement["Condition"].keys() <= OPERATORS.keys()
    asked = {key.rpartition(":")[2] for keys in statement["Condition"].values() for key in keys}
    assert asked == {"sub", "aud"}, "a role that does not ask who, or for whom"
    for operator, conditions in statement["Condition"].items():
        for key, wanted in conditions.items():
            value = claims[key.rpartition(":")[2]]
            if not any(OPERATORS[operator](value, one) for one in ([wanted] if isinstance(wanted, str) else wanted)):
                return False
    return True


def claims(subject: str, audience: str = "sts.amazonaws.com") -> dict[str, str]:
    return {"sub": subject, "aud": audience}

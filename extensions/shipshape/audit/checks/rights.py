"""IAM in CloudFormation templates. https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..lines import Map, Seq, dig, mapping, sequence
from ..model import Resource
from .registry import Judged, each, fault
from .stacks import of

holders = each(of("AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::User", "AWS::IAM::Group"))
roles = each(of("AWS::IAM::Role"))


def listed(value: Any) -> Seq:
    """A value, or the values of a list."""
    if isinstance(value, Seq):
        return value
    found = Seq()
    if value is not None:
        found.append(value)
    return found


def statements(document: Any) -> Iterator[Map]:
    """What a policy allows."""
    for one in listed(mapping(document).get("Statement")):
        if isinstance(one, Map) and one.get("Effect") == "Allow":
            yield one


def policies(resource: Resource) -> Iterator[Any]:
    """The documents of what a role may do, not of who may take it."""
    yield resource.properties.get("PolicyDocument")
    for one in sequence(resource.properties.get("Policies")):
        yield dig(one, "PolicyDocument")


@holders("cfn-wildcard")
def wildcard(resource: Resource) -> Judged:
    """Nobody may do everything, nor a whole service's everything to everything; a boundary gives nothing."""
    if "boundary" in resource.name.lower():
        return
    for document in policies(resource):
        for one in statements(document):
            actions = [str(action) for action in listed(one.get("Action"))]
            everything = "*" in listed(one.get("Resource")) and "Condition" not in one
            wide = [name for name in actions if name in {"*", "*:*"} or (everything and name.endswith(":*"))]
            yield one.at("Action"), fault(wide, f"allows {', '.join(wide)}")


@holders("cfn-administrator")
def administrator(resource: Resource) -> Judged:
    """Nobody has AWS's policy of administrators."""
    names = [_text(one) for one in sequence(resource.properties.get("ManagedPolicyArns"))]
    if names:
        mighty = any(name.endswith("/AdministratorAccess") for name in names)
        yield resource.at("ManagedPolicyArns"), fault(mighty, "has AdministratorAccess")


@roles("cfn-oidc-subject")
def oidc_subject(resource: Resource) -> Judged:
    """A role for GitHub is for one repository."""
    for one in statements(resource.properties.get("AssumeRolePolicyDocument")):
        if "token.actions.githubusercontent.com" in _text(dig(one, "Principal", "Federated")):
            tests = [
                (str(key), value)
                for test in mapping(one.get("Condition")).values()
                for key, value in mapping(test).items()
            ]
            subjects = [
                _text(value)
                for key, value in tests
                if key.endswith((":sub", ":repository", ":repository_id", ":job_workflow_ref"))
            ]
            open_ = not subjects or all(value.replace("repo:", "").startswith("*") for value in subjects)
            yield one.at("Condition"), fault(open_, "any repository of GitHub may take this role")


@roles("cfn-trust")
def trust(resource: Resource) -> Judged:
    """Not everybody may take a role."""
    for one in statements(resource.properties.get("AssumeRolePolicyDocument")):
        who = one.get("Principal")
        everybody = who == "*" or dig(who, "AWS") == "*"
        yield one.at("Principal"), fault(everybody and "Condition" not in one, "everybody may take this role")


def _text(value: Any) -> str:
    """A value with what stands in its functions."""
    if isinstance(value, Map):
        return " ".join(_text(one) for one in value.values())
    if isinstance(value, Seq):
        return " ".join(_text(one) for one in value)
    return str(value)

"""What the tests tell moto's CloudFormation, and it tells them; moto itself is imported with the first account."""

from typing import Any

# What was sent last for each resource, by the type and the name in the template: moto forgets some of it.
sent: dict[tuple[str, str], dict[str, Any]] = {}
# How the next changes of stacks end, where not well: a status, in which nothing was made or changed.
endings: dict[str, list[str]] = {}


def set_status(name: str, status: str) -> None:
    """Let a stack be in this status."""
    from moto.cloudformation.models import cloudformation_backends  # noqa: PLC0415 - takes seconds

    (stack,) = [one for one in cloudformation_backends["123456789012"]["us-east-1"].stacks.values() if one.name == name]
    stack.status = status

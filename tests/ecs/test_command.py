"""The aws command that the tests of scripts use says what the installed one says."""

import subprocess
from collections.abc import Callable

import pytest

from tests.ecs.conftest import SETUP, World


@pytest.mark.parametrize(
    "arguments",
    [
        ("--version",),
        ("cloudformation", "describe-stacks", "--query", "Stacks[].[StackName,StackStatus]", "--output", "text"),
        ("cloudformation", "describe-stacks", "--stack-name", "missing"),
        ("cloudformation", "wait", "stack-create-complete", "--stack-name", "orders-api-staging-bootstrap"),
        ("ecs", "no-such-command"),
    ],
    ids=" ".join,
)
def test_the_quick_aws_says_what_aws_says(world_of: Callable[..., World], arguments: tuple[str, ...]) -> None:
    world = world_of()
    world.make(*SETUP)
    plain = world.cloud.environment | {"AWS_DEFAULT_REGION": "us-east-1"}
    quick = world.environment | {"AWS_DEFAULT_REGION": "us-east-1"}
    said = [subprocess.run(["aws", *arguments], env=env, capture_output=True, check=False) for env in (plain, quick)]
    assert quick["PATH"] != plain["PATH"]
    assert said[0].args == said[1].args
    assert (said[0].returncode, said[0].stdout, said[0].stderr) == (said[1].returncode, said[1].stdout, said[1].stderr)

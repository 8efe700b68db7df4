"""The aws command that the tests of scripts use says what the installed one says."""

import subprocess
from collections.abc import Callable

from tests.ecs.conftest import SETUP, World

COMMANDS = [
    ("cloudformation", "describe-stacks", "--query", "Stacks[].[StackName,StackStatus]", "--output", "text"),
    ("cloudformation", "describe-stacks", "--stack-name", "missing"),
    ("ecs", "no-such-command"),
]


def test_the_quick_aws_says_what_aws_says(world_of: Callable[..., World]) -> None:
    world = world_of()
    world.make(*SETUP)
    plain = world.cloud.environment | {"AWS_DEFAULT_REGION": "us-east-1"}
    quick = world.environment | {"AWS_DEFAULT_REGION": "us-east-1"}
    assert quick["PATH"] != plain["PATH"]
    for command in COMMANDS:
        one, other = (
            subprocess.run(["aws", *command], env=environment, capture_output=True, check=False)
            for environment in (plain, quick)
        )
        assert (one.returncode, one.stdout, one.stderr) == (other.returncode, other.stdout, other.stderr), command

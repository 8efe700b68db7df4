"""right-size.sh asks CloudWatch, which moto plays, and proposes a size that Fargate has."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.ecs.conftest import World
from tests.ecs.test_scripts import refused, succeed
from tests.support.render import TEMPLATE


@pytest.fixture
def world(world_of: Callable[..., World]) -> World:
    return world_of(strategy="rolling", fargate_cpu=1024, fargate_memory=2048)


def used(world: World, hours: int, cpu: float, memory: float) -> None:
    """Percent of what a task has, in the busiest hour; in all others half of it."""
    now = datetime.now(UTC) - timedelta(minutes=1)  # the end of what is asked for does not count
    names = {"ClusterName": "orders-api-staging", "ServiceName": "orders-api"}
    dimensions = [{"Name": name, "Value": value} for name, value in names.items()]
    world.client("cloudwatch").put_metric_data(
        Namespace="AWS/ECS",
        MetricData=[
            {
                "MetricName": f"{name}Utilization", "Dimensions": dimensions, "Unit": "Percent",
                "Value": percent if hour == 3 else percent / 2, "Timestamp": now - timedelta(hours=hour),
            }
            for hour in range(hours) for name, percent in (("CPU", cpu), ("Memory", memory))
        ],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("cpu", "memory", "size"),
    [
        (10, 30, (256, 1024)),  # 102 units, 614 MiB
        (10, 90, (512, 3072)),  # 102 units, but 1843 MiB, which 256 units can't have with the room above it
        (90, 20, (2048, 4096)),  # 922 units: at 60 percent of 2048
    ],
)
def test_it_proposes_the_least_size_that_holds_it(
    world: World, cpu: float, memory: float, size: tuple[int, int]
) -> None:
    used(world, 30, cpu, memory)
    said = succeed(world, "right-size.sh", "staging")
    assert f"--data fargate_cpu={size[0]} --data fargate_memory={size[1]}" in said
    assert size[1] in TEMPLATE.entries()["fargate_sizes"]["default"][size[0]]


def test_a_size_that_is_right_stays(world: World) -> None:
    used(world, 30, 50, 75)
    assert "The size is right." in succeed(world, "right-size.sh", "staging", "3")


def test_less_than_a_day_is_no_measure(world: World) -> None:
    used(world, 5, 50, 75)
    assert "has 5 hours of orders-api-staging" in refused(world, 1, "right-size.sh", "staging")
    assert "Usage" in refused(world, 2, "right-size.sh", "staging", "a week")

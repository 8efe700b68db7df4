"""The dashboard as CloudWatch keeps it: it shows what AWS measures, and what the alarms look at."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.ecs.conftest import SECRETS, SETUP, STRATEGIES, World, digest
from tests.support.aws import stacks

# What AWS measures, by the dimensions that it has it for, each set of them a metric of its own.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/available-metrics.html
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-metrics.html
BALANCER, GROUP, SERVICE = ({"LoadBalancer"}, {"LoadBalancer", "TargetGroup"}, {"ClusterName", "ServiceName"})
DOCUMENTED: dict[tuple[str, str], list[set[str]]] = {
    ("AWS/ApplicationELB", "RequestCount"): [BALANCER, GROUP],
    ("AWS/ApplicationELB", "HTTPCode_Target_4XX_Count"): [BALANCER, GROUP],
    ("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count"): [BALANCER, GROUP],
    ("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count"): [BALANCER],
    ("AWS/ApplicationELB", "TargetResponseTime"): [BALANCER, GROUP],
    ("AWS/ApplicationELB", "HealthyHostCount"): [GROUP],
    ("AWS/ApplicationELB", "UnHealthyHostCount"): [GROUP],
    ("AWS/ApplicationELB", "ActiveConnectionCount"): [BALANCER],
    ("AWS/ApplicationELB", "TargetConnectionErrorCount"): [BALANCER, GROUP],
    ("AWS/ApplicationELB", "RejectedConnectionCount"): [BALANCER],
    ("AWS/ECS", "CPUUtilization"): [{"ClusterName"}, SERVICE],
    ("AWS/ECS", "MemoryUtilization"): [{"ClusterName"}, SERVICE],
    ("AWS/RDS", "CPUUtilization"): [{"DBInstanceIdentifier"}],
    ("AWS/RDS", "DatabaseConnections"): [{"DBInstanceIdentifier"}],
    ("AWS/RDS", "FreeStorageSpace"): [{"DBInstanceIdentifier"}],
    ("orders-api-staging", "errors"): [set()],  # the metric filter's own, which tests/ecs/test_stacks.py compares
}
SEARCH = re.compile(
    r"SEARCH\('\{(?P<schema>[^}]+)\} MetricName=\"(?P<name>\w+)\" LoadBalancer=\"(?P<balancer>[^\"]+)\"', '\w+', \d+\)"
)

# A namespace, a name, and the dimensions with their values.
Metric = tuple[str, str, dict[str, str]]


@pytest.fixture(params=[*STRATEGIES, "rds"])
def world(request: pytest.FixtureRequest, world_of: Callable[..., World]) -> World:
    kept = request.param == "rds"
    made = world_of(ecs_database="rds") if kept else world_of(strategy=request.param)
    more = SECRETS | {"Image": digest("a"), "LatencySeconds": "2.5"}
    setup = ("load-balancer", "database", "bootstrap", "alarms") if kept else SETUP
    made.make(*setup, **more)
    if kept:
        made.make("database-roles", AdministratorSecretArn=SECRETS["DatabaseOwnerSecretArn"])
    made.make("roles", "migrate", "service", **more)
    assert stacks.sent
    return made


def body(world: World) -> dict[str, Any]:
    answer = world.client("cloudwatch").get_dashboard(DashboardName="orders-api-staging")
    content: dict[str, Any] = json.loads(answer["DashboardBody"])
    return content


def of_widget(rows: list[list[Any]]) -> list[Metric]:
    """The metrics of a widget, where `.` repeats what stands above, and `...` all of it.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
    """
    found: list[Metric] = []
    before: list[str] = []
    for row in rows:
        words = [word for word in row if isinstance(word, str)]
        for options in [word for word in row if isinstance(word, dict) and "expression" in word]:
            if search := SEARCH.fullmatch(options["expression"]):
                namespace, *names = search["schema"].split(",")
                found.append(
                    (namespace, search["name"], dict.fromkeys(names, "*") | {"LoadBalancer": search["balancer"]})
                )
        if words[:1] == ["..."]:
            words = before[: len(before) - len(words) + 1] + words[1:]
        words = [before[place] if word == "." else word for place, word in enumerate(words)]
        if words:
            found.append((words[0], words[1], dict(zip(words[2::2], words[3::2], strict=True))))
            before = words
    return found


def shown(world: World) -> list[Metric]:
    widgets = [widget["properties"] for widget in body(world)["widgets"]]
    return [metric for widget in widgets for metric in of_widget(widget.get("metrics", []))]


def watched(world: World) -> list[Metric]:
    """What the alarms look at."""
    alarms = world.client("cloudwatch").describe_alarms(AlarmNamePrefix="orders-api-staging-")["MetricAlarms"]
    found = []
    for alarm in alarms:
        parts = [one["MetricStat"]["Metric"] for one in alarm.get("Metrics", []) if "MetricStat" in one] or [alarm]
        for one in parts:
            dimensions = {part["Name"]: part["Value"] for part in one["Dimensions"]}
            found.append((one["Namespace"], one["MetricName"], dimensions))
    return found


def test_each_metric_is_one_that_aws_has(world: World) -> None:
    for namespace, name, dimensions in shown(world) + watched(world):
        assert set(dimensions) in DOCUMENTED[namespace, name], (namespace, name, dimensions)


def test_it_shows_what_the_alarms_look_at(world: World) -> None:
    """The same metric of the same load balancer, cluster and service; of a target group, those that there are."""
    known = shown(world)
    for namespace, name, dimensions in watched(world):
        any_group = {key: "*" if key == "TargetGroup" else value for key, value in dimensions.items()}
        shown_so = {(namespace, name, str(one)) for one in (any_group, dimensions)}
        assert shown_so & {(*one[:2], str(one[2])) for one in known}, (namespace, name, dimensions)


def test_it_computes_shares_as_the_alarms_do(world: World) -> None:
    alarms = world.client("cloudwatch").describe_alarms(AlarmNamePrefix="orders-api-staging-")["MetricAlarms"]
    expressions = {one.get("Expression", "") for alarm in alarms for one in alarm.get("Metrics", [])}
    judged = {one for one in expressions if "/" in one}
    widgets = [one["properties"].get("metrics", []) for one in body(world)["widgets"]]
    words = [word for rows in widgets for row in rows for word in row if isinstance(word, dict)]
    assert judged
    assert judged <= {word.get("expression") for word in words}


def test_its_lines_stand_where_alarms_begin(world: World) -> None:
    alarms = {
        one["AlarmName"].removeprefix("orders-api-staging-"): one["Threshold"]
        for one in world.client("cloudwatch").describe_alarms(AlarmNamePrefix="orders-api-staging-")["MetricAlarms"]
    }
    lines = {}
    for widget in body(world)["widgets"]:
        for line in widget["properties"].get("annotations", {}).get("horizontal", []):
            alarm = re.sub(r"^alarm |,.*", "", line["label"])
            lines[alarm] = line["value"]
    assert lines == {name: value for name, value in alarms.items() if name != "unhealthy"}
    assert alarms["latency"] == 2.5, "a parameter moves both"


def test_it_lists_every_alarm_and_asks_the_service_s_log(world: World) -> None:
    (widget,) = [one["properties"] for one in body(world)["widgets"] if one["type"] == "alarm"]
    alarms = world.client("cloudwatch").describe_alarms(AlarmNamePrefix="orders-api-staging-")["MetricAlarms"]
    assert sorted(widget["alarms"]) == sorted(one["AlarmArn"] for one in alarms)
    (log,) = [one["properties"] for one in body(world)["widgets"] if one["type"] == "log"]
    (group,) = re.findall(r"^SOURCE '([^']+)'", log["query"])
    groups = world.client("logs").describe_log_groups(logGroupNamePrefix="/ecs/")["logGroups"]
    assert group in {one["logGroupName"] for one in groups}


def test_no_widget_lies_on_another(world: World) -> None:
    taken: set[tuple[int, int]] = set()
    for widget in body(world)["widgets"]:
        columns = range(widget["x"], widget["x"] + widget["width"])
        rows = range(widget["y"], widget["y"] + widget["height"])
        place = {(x, y) for x in columns for y in rows}
        assert not taken & place, widget["properties"]["title"]
        assert max(columns) < 24
        taken |= place

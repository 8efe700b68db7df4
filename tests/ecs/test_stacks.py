"""Every stack made in moto with every parameter file; what came to be is read back and held against the contract.

What moto does not keep (how a service is deployed) is read from the call that made it, which botocore has checked.
"""

import json
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from tests.ecs.conftest import PLAIN, SECRETS, SETUP, World, digest
from tests.support.aws import stacks

CASES = [*product(PLAIN, ("ghcr", "ecr"), ("staging", "production")), ("canary", "ghcr", "production")]


@pytest.fixture(params=CASES, ids="-".join)
def made(request: pytest.FixtureRequest, world_of: Callable[..., World]) -> tuple[World, str, str]:
    strategy, registry, environment = request.param
    world = world_of(strategy=strategy, registry=registry)
    more = SECRETS | {"Image": digest("a"), "AlarmEmail": "oncall@example.com"}
    world.make(*SETUP, "roles", "migrate", "service", environment=environment, **more)
    return world, strategy, environment


def test_what_was_made_is_what_the_contract_says(made: tuple[World, str, str]) -> None:
    world, strategy, environment = made
    name = f"orders-api-{environment}"
    check_task(world, name)
    groups = check_load_balancer(world, strategy, environment)
    check_service(world, strategy, name, groups)
    check_alarms(world, strategy, name)
    check_logs_and_roles(world, environment)
    for stack in world.client("cloudformation").describe_stacks()["Stacks"]:
        assert stack["StackStatus"] == "CREATE_COMPLETE"


def check_task(world: World, name: str) -> None:
    task = world.client("ecs").describe_task_definition(taskDefinition=name)["taskDefinition"]
    assert (task["networkMode"], task["cpu"], task["memory"]) == ("awsvpc", "256", "512")
    assert task["requiresCompatibilities"] == ["FARGATE"]
    assert task["runtimePlatform"] == {"operatingSystemFamily": "LINUX", "cpuArchitecture": "X86_64"}
    (container,) = task["containerDefinitions"]
    assert container["image"] == digest("a")
    assert container["user"] == "65532:65532"
    assert container["readonlyRootFilesystem"] is True
    assert container["stopTimeout"] == 30
    assert container["linuxParameters"]["capabilities"]["drop"] == ["ALL"]
    assert container["linuxParameters"]["initProcessEnabled"] is True
    assert container["linuxParameters"]["tmpfs"][0]["containerPath"] == "/tmp"  # noqa: S108
    assert "healthCheck" not in container, "a second interpreter, which a busy task starves"
    assert container["secrets"][0]["name"] == "DATABASE_PASSWORD"
    assert {"name": "DATABASE_URL", "value": SECRETS["DatabaseUrl"]} in container["environment"]
    assert container["logConfiguration"]["options"]["awslogs-group"] == f"/ecs/{name}"


def check_load_balancer(world: World, strategy: str, environment: str) -> list[str]:
    elbv2, ec2 = world.client("elbv2"), world.client("ec2")
    (balancer,) = elbv2.describe_load_balancers()["LoadBalancers"]
    zones = {one["SubnetId"] for one in balancer["AvailabilityZones"]}
    assert zones == set(world.parameters(environment)["PublicSubnetIds"].split(","))
    listeners = elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    expected = {(80, "HTTP"), (443, "HTTPS")} | ({(8443, "HTTPS")} if strategy != "rolling" else set())
    assert {(one["Port"], one["Protocol"]) for one in listeners} == expected
    (public,) = (one["ListenerArn"] for one in listeners if one["Port"] == 443)
    rules = sorted(
        (int(one["Priority"]), one["Conditions"][0]["PathPatternConfig"]["Values"], one["Actions"][0]["Type"])
        for one in elbv2.describe_rules(ListenerArn=public)["Rules"]
        if not one["IsDefault"]
    )
    assert rules == [(1, ["/metrics", "/metrics/*"], "fixed-response"), (2, ["/*"], "forward")]
    groups = elbv2.describe_target_groups()["TargetGroups"]
    assert len(groups) == (2 if strategy != "rolling" else 1)
    for group in groups:
        assert (group["TargetType"], group["Port"], group["HealthCheckPath"]) == ("ip", 8000, "/readyz")
        attributes = elbv2.describe_target_group_attributes(TargetGroupArn=group["TargetGroupArn"])["Attributes"]
        assert {"Key": "deregistration_delay.timeout_seconds", "Value": "30"} in attributes
    (entrance,) = ec2.describe_security_groups(GroupIds=balancer["SecurityGroups"])["SecurityGroups"]
    assert {one["FromPort"] for one in entrance["IpPermissions"]} == {port for port, _ in expected}
    return [group["TargetGroupArn"] for group in groups]


def check_service(world: World, strategy: str, name: str, groups: list[str]) -> None:
    (service,) = world.client("ecs").describe_services(cluster=name, services=["orders-api"])["services"]
    network = service["networkConfiguration"]["awsvpcConfiguration"]
    assert network["assignPublicIp"] == "DISABLED"
    (group,) = world.client("ec2").describe_security_groups(GroupIds=network["securityGroups"])["SecurityGroups"]
    (rule,) = group["IpPermissions"]
    assert (rule["FromPort"], rule["ToPort"], rule["IpRanges"]) == (8000, 8000, [])
    (balancer,) = world.client("elbv2").describe_load_balancers()["LoadBalancers"]
    assert [one["GroupId"] for one in rule["UserIdGroupPairs"]] == balancer["SecurityGroups"]
    (target,) = service["loadBalancers"]
    assert (target["containerName"], target["containerPort"]) == ("orders-api", 8000)
    assert target["targetGroupArn"] in groups
    sent = stacks.sent["AWS::ECS::Service", "Service"]["deploymentConfiguration"]
    assert sent["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    canary = [f"{name}-canary"] if strategy == "canary" else []
    assert sent["alarms"]["alarmNames"] == [f"{name}-5xx", f"{name}-latency", f"{name}-unhealthy", *canary]
    assert sent["strategy"] == strategy.upper().replace("-", "_")
    scaling = world.client("application-autoscaling")
    (scalable,) = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    assert scalable["ResourceId"] == f"service/{name}/orders-api"
    assert 1 <= scalable["MinCapacity"] <= scalable["MaxCapacity"]
    policies = scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
    assert {one["PolicyName"] for one in policies} == {"cpu", "requests"}


def check_alarms(world: World, strategy: str, name: str) -> None:
    (topic,) = world.client("sns").list_topics()["Topics"]
    (subscription,) = world.client("sns").list_subscriptions()["Subscriptions"]
    assert (subscription["Endpoint"], subscription["TopicArn"]) == ("oncall@example.com", topic["TopicArn"])
    policy = json.loads(world.client("sns").get_topic_attributes(TopicArn=topic["TopicArn"])["Attributes"]["Policy"])
    assert [(one["Effect"], one["Resource"]) for one in policy["Statement"]] == [
        ("Allow", topic["TopicArn"]),
        ("Deny", topic["TopicArn"]),
    ]
    alarms = world.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{name}-")["MetricAlarms"]
    canary = {"canary"} if strategy == "canary" else set()
    found = {one["AlarmName"].removeprefix(f"{name}-") for one in alarms}
    assert found == {"5xx", "latency", "unhealthy", "errors", "cpu", "memory"} | canary
    (balancer,) = world.client("elbv2").describe_load_balancers()["LoadBalancers"]
    (counted,) = world.client("logs").describe_metric_filters(logGroupName=f"/ecs/{name}")["metricFilters"]
    (made,) = counted["metricTransformations"]
    (errors,) = [alarm for alarm in alarms if alarm["AlarmName"] == f"{name}-errors"]
    assert (made["metricNamespace"], made["metricName"]) == (errors["Namespace"], errors["MetricName"])
    for alarm in alarms:
        assert alarm["AlarmActions"] == [topic["TopicArn"]]
        assert alarm["TreatMissingData"] == "notBreaching"
        for dimensions in dimensions_of(alarm):
            assert dimensions.get("LoadBalancer", balancer["LoadBalancerArn"]) in balancer["LoadBalancerArn"]
            assert dimensions.get("ClusterName", name) == name
    body = world.client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"]
    assert balancer["LoadBalancerArn"].partition("loadbalancer/")[2] in body


def dimensions_of(alarm: dict[str, Any]) -> list[dict[str, str]]:
    metrics = [one["MetricStat"]["Metric"] for one in alarm.get("Metrics", []) if "MetricStat" in one] or [alarm]
    return [{one["Name"]: one["Value"] for one in metric["Dimensions"]} for metric in metrics]


def check_logs_and_roles(world: World, environment: str) -> None:
    groups = world.client("logs").describe_log_groups(logGroupNamePrefix="/ecs/")["logGroups"]
    name = f"/ecs/orders-api-{environment}"
    assert {group["logGroupName"] for group in groups} == {name, f"{name}-migrate"}
    assert {group["retentionInDays"] for group in groups} == {int(world.parameters(environment)["LogRetentionDays"])}
    iam = world.client("iam")
    for role in ("execution", "task"):
        found = iam.get_role(RoleName=f"orders-api-{environment}-{role}")["Role"]
        boundary = found["PermissionsBoundary"]["PermissionsBoundaryArn"]
        assert boundary.endswith(f":policy/orders-api-{environment}-boundary")
    policy = iam.get_role_policy(RoleName=f"orders-api-{environment}-execution", PolicyName="start")["PolicyDocument"]
    assert SECRETS["DatabaseSecretArn"] in json.dumps(policy)
    assert SECRETS["DatabaseOwnerSecretArn"] not in json.dumps(policy)

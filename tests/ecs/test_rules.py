"""Rules that no linter checks, each with its source: cfn-guard is a Rust program of AWS's that PyPI does not have.

Every rendering is read as CloudFormation would, for both environments, with and without secrets.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from shipshape.template import Answers

from tests.ecs.conftest import SECRETS
from tests.support.aws.cloudformation import load, parameters, resolve
from tests.support.render import TEMPLATE, name_of
from tests.support.render.answers import ECS, YOURS

DOCS = "https://docs.aws.amazon.com"
HUB = f"{DOCS}/securityhub/latest/userguide"
STACKS = ("bootstrap", "load-balancer", "alarms", "roles", "migrate", "service")
# In the order in which they are made where the database is on RDS.
WITH_RDS = ("load-balancer", "database", "bootstrap", "alarms", "database-roles", "roles", "migrate", "service")


@dataclass
class Deployment:
    """All stacks of one environment, resolved."""

    answers: Answers
    environment: str
    given: dict[str, str]
    project: Path
    resources: dict[str, dict[str, Any]]

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        found = [one["Properties"] for one in self.resources.values() if one["Type"] == kind]
        assert found, f"there is no {kind}"
        return found

    def one(self, kind: str) -> dict[str, Any]:
        (found,) = [one for one in self.of_type(kind) if one not in self.of_others]
        return found

    @property
    def of_others(self) -> list[dict[str, Any]]:
        """What migrate.yml and the database's stacks make; the rules about the service are not about this."""
        others = ("Migration", "Database", "Roles")
        return [one["Properties"] for name, one in self.resources.items() if name.startswith(others)]

    @property
    def on_rds(self) -> bool:
        return self.answers.get("ecs_database") == "rds"

    @property
    def database(self) -> dict[str, str]:
        """Where the service's stacks have the database's addresses and secrets from: parameters, or exports."""
        if not self.on_rds:
            return {name: value for name, value in SECRETS.items() if name.startswith("Database")}
        ends = {"Url": "url", "SecretArn": "secret", "OwnerUrl": "owner-url", "OwnerSecretArn": "owner-secret"}
        return {f"Database{name}": f"orders-api-{self.environment}-database-{end}" for name, end in ends.items()}

    @property
    def container(self) -> dict[str, Any]:
        return container_of(self.one("AWS::ECS::TaskDefinition"))

    @property
    def migration(self) -> dict[str, Any]:
        found: dict[str, Any] = self.resources["Migration"]["Properties"]
        return found

    @property
    def statements(self) -> Iterator[dict[str, Any]]:
        for role in self.of_type("AWS::IAM::Role"):
            for policy in role.get("Policies", []):
                yield from policy["PolicyDocument"]["Statement"]
        yield from self.one("AWS::IAM::ManagedPolicy")["PolicyDocument"]["Statement"]


def container_of(task: dict[str, Any]) -> dict[str, Any]:
    (container,) = task["ContainerDefinitions"]
    found: dict[str, Any] = container
    return found


def stacks_of(choices: Answers) -> tuple[str, ...]:
    return WITH_RDS if choices.get("ecs_database") == "rds" else STACKS


def deployments(project: Path, choices: Answers) -> Iterator[Deployment]:
    for environment, registry in product(("staging", "production"), ("", SECRETS["RegistrySecretArn"])):
        given = parameters(project, environment) | SECRETS | {"RegistrySecretArn": registry}
        resources: dict[str, dict[str, Any]] = {}
        for name in stacks_of(choices):
            made = resolve(load(project / f"deploy/ecs/{name}.yml"), given)
            assert not resources.keys() & made.keys(), "two stacks with a resource of the same name"
            resources |= made
        yield Deployment(choices, environment, given, project, resources)


@pytest.fixture(
    scope="module", params=ECS, ids=lambda one: f"{one['deployment_strategy']}-{one['registry']}-{one['language']}"
)
def all_of(request: pytest.FixtureRequest, rendered: Callable[[Answers], Path]) -> list[Deployment]:
    return list(deployments(rendered(request.param), request.param))


def port(d: Deployment) -> int:
    return int(TEMPLATE.table("languages")[d.answers["language"]]["port"])


def health_command(d: Deployment) -> list[str]:
    text = (d.project / "Dockerfile").read_text().replace("\\\n", " ")
    (command,) = re.findall(r"^HEALTHCHECK .*CMD (\[.*\])$", text, re.MULTILINE)
    return ["CMD", *yaml.safe_load(command)]


def ingress(d: Deployment) -> list[dict[str, Any]]:
    """What gets into the group of the service."""
    return [one for one in d.of_type("AWS::EC2::SecurityGroupIngress") if one["GroupId"] == "ServiceSecurityGroup"]


def attribute(properties: dict[str, Any], kind: str, key: str) -> str:
    return {one["Key"]: str(one["Value"]) for one in properties[f"{kind}Attributes"]}[key]


def balancers(d: Deployment) -> list[dict[str, Any]]:
    balancer = d.one("AWS::ECS::Service")["LoadBalancers"]
    return list(balancer)


def reads(d: Deployment, role: str) -> set[str]:
    """The secrets that a role may read."""
    (policy,) = d.resources[role]["Properties"]["Policies"]
    found = set()
    for one in policy["PolicyDocument"]["Statement"]:
        if "secretsmanager:GetSecretValue" in one["Action"]:
            found |= {one["Resource"]} if isinstance(one["Resource"], str) else set(one["Resource"])
    return found


def service_secrets(d: Deployment) -> dict[str, str]:
    """The variables of the service that hold a password, each with the secret that it is from."""
    cache = {"CACHE_PASSWORD": SECRETS["CacheSecretArn"]} if d.answers.get("cache") == "valkey" else {}
    return {"DATABASE_PASSWORD": d.database["DatabaseSecretArn"]} | cache


def registry_secret(d: Deployment) -> set[str]:
    declared = "RegistrySecretArn" in load(d.project / "deploy/ecs/roles.yml")["Parameters"]
    return {d.given["RegistrySecretArn"]} - {""} if declared else set()


# Rule, what it asks, and where that comes from.
Rule = tuple[str, Callable[[Deployment], bool], str]
RULES: list[Rule] = [
    ("read-only root", lambda d: d.container["ReadonlyRootFilesystem"] is True, f"{HUB}/ecs-controls.html#ecs-5"),
    ("not privileged", lambda d: not d.container.get("Privileged"), f"{HUB}/ecs-controls.html#ecs-4"),
    ("not root", lambda d: d.container["User"] == "65532:65532", "docs/contract.md"),
    (
        "no capability",
        lambda d: d.container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]},
        "docs/contract.md",
    ),
    (
        "one folder is writable, in memory",
        lambda d: (
            [one["ContainerPath"] for one in d.container["LinuxParameters"]["Tmpfs"]] == ["/tmp"]  # noqa: S108
            and "MountPoints" not in d.container
        ),
        f"{DOCS}/AmazonECS/latest/APIReference/API_Tmpfs.html",
    ),
    (
        "an init process",
        lambda d: d.container["LinuxParameters"]["InitProcessEnabled"] is True,
        f"{DOCS}/AmazonECS/latest/APIReference/API_LinuxParameters.html",
    ),
    (
        "the Dockerfile's health check, where it is no second runtime that a busy task starves",
        lambda d: (
            d.container["HealthCheck"]["Command"] == health_command(d)
            if d.answers["language"] in {"go", "rust"}
            else "HealthCheck" not in d.container
        ),
        f"{DOCS}/AmazonECS/latest/APIReference/API_HealthCheck.html",
    ),
    (
        "health checks shorter than their interval",
        lambda d: (
            all(
                one["Timeout"] < one["Interval"]
                for one in [d.container.get("HealthCheck", {"Timeout": 0, "Interval": 1})]
            )
            and all(
                one["HealthCheckTimeoutSeconds"] < one["HealthCheckIntervalSeconds"]
                for one in d.of_type("AWS::ElasticLoadBalancingV2::TargetGroup")
            )
        ),
        f"{DOCS}/elasticloadbalancing/latest/application/target-group-health-checks.html",
    ),
    ("grace period", lambda d: d.container["StopTimeout"] == 30, "docs/contract.md"),
    (
        "requests may finish",
        lambda d: all(
            attribute(one, "TargetGroup", "deregistration_delay.timeout_seconds") == str(d.container["StopTimeout"])
            for one in d.of_type("AWS::ElasticLoadBalancingV2::TargetGroup")
        ),
        f"{DOCS}/AmazonECS/latest/developerguide/load-balancer-connection-draining.html",
    ),
    (
        "readiness decides on traffic",
        lambda d: all(
            (one["HealthCheckPath"], one["Matcher"]) == ("/readyz", {"HttpCode": "200"})
            for one in d.of_type("AWS::ElasticLoadBalancingV2::TargetGroup")
        ),
        "docs/contract.md",
    ),
    (
        "targets by address",
        lambda d: all(one["TargetType"] == "ip" for one in d.of_type("AWS::ElasticLoadBalancingV2::TargetGroup")),
        f"{DOCS}/AmazonECS/latest/developerguide/alb.html",
    ),
    (
        "a migration is the service's own image, as restricted, and no server",
        lambda d: (
            container_of(d.migration)["Command"] == ["migrate"]
            and container_of(d.migration)["Image"] == d.container["Image"]
            and not {"PortMappings", "HealthCheck"} & container_of(d.migration).keys()
            and all(
                container_of(d.migration)[key] == d.container[key]
                for key in ("User", "ReadonlyRootFilesystem", "LinuxParameters", "StopTimeout", "Essential")
            )
            and all(
                d.migration[key] == d.one("AWS::ECS::TaskDefinition")[key]
                for key in ("Cpu", "Memory", "NetworkMode", "RequiresCompatibilities", "RuntimePlatform")
            )
        ),
        "docs/contract.md",
    ),
    (
        "the owner's password is for migrations alone, and the service's for the service",
        lambda d: (
            container_of(d.migration)["Secrets"]
            == [{"Name": "DATABASE_PASSWORD", "ValueFrom": f"{d.database['DatabaseOwnerSecretArn']}:password::"}]
            and {"Name": "DATABASE_URL", "Value": d.database["DatabaseOwnerUrl"]}
            in container_of(d.migration)["Environment"]
            and d.migration["ExecutionRoleArn"].endswith(
                f"role/{d.resources['MigrationRole']['Properties']['RoleName']}"
            )
            and "TaskRoleArn" not in d.migration
            and reads(d, "MigrationRole") == {d.database["DatabaseOwnerSecretArn"]} | registry_secret(d)
            and reads(d, "ExecutionRole") == set(service_secrets(d).values()) | registry_secret(d)
        ),
        f"{DOCS}/AmazonECS/latest/developerguide/task_execution_IAM_role.html",
    ),
    (
        "one name and one port",
        lambda d: (
            {(one["ContainerName"], one["ContainerPort"]) for one in balancers(d)}
            == {(d.container["Name"], mapping["ContainerPort"]) for mapping in d.container["PortMappings"]}
            == {("orders-api", port(d))}
            and {one["Port"] for one in d.of_type("AWS::ElasticLoadBalancingV2::TargetGroup")} == {port(d)}
            and {"Name": "PORT", "Value": str(port(d))} in d.container["Environment"]
        ),
        f"{DOCS}/AmazonECS/latest/APIReference/API_LoadBalancer.html",
    ),
    (
        "only the load balancer gets in",
        lambda d: (
            [(one["SourceSecurityGroupId"], one["FromPort"], one["ToPort"]) for one in ingress(d)]
            == [("LoadBalancerSecurityGroup", port(d), port(d))]
            and "SecurityGroupIngress" not in d.resources["ServiceSecurityGroup"]["Properties"]
            and d.one("AWS::ECS::Service")["NetworkConfiguration"]["AwsvpcConfiguration"]["SecurityGroups"]
            == [f"orders-api-{d.environment}-service-group"]
        ),
        f"{DOCS}/AmazonECS/latest/developerguide/security-network.html",
    ),
    (
        "the load balancer gets to the service alone",
        lambda d: (
            [
                (one["DestinationSecurityGroupId"], one["FromPort"])
                for one in d.resources["LoadBalancerSecurityGroup"]["Properties"]["SecurityGroupEgress"]
            ]
            == [("ServiceSecurityGroup", port(d))]
        ),
        f"{DOCS}/elasticloadbalancing/latest/application/load-balancer-update-security-groups.html",
    ),
    (
        "no public address",
        lambda d: (
            d.one("AWS::ECS::Service")["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"] == "DISABLED"
        ),
        f"{HUB}/ecs-controls.html#ecs-2",
    ),
    (
        "two zones or more",
        lambda d: (
            len(set(d.one("AWS::ECS::Service")["NetworkConfiguration"]["AwsvpcConfiguration"]["Subnets"])) >= 2
            and len(set(d.one("AWS::ElasticLoadBalancingV2::LoadBalancer")["Subnets"])) >= 2
        ),
        f"{HUB}/elb-controls.html#elb-13",
    ),
    (
        "the newest platform",
        lambda d: d.one("AWS::ECS::Service")["PlatformVersion"] == "LATEST",
        f"{HUB}/ecs-controls.html#ecs-10",
    ),
    (
        "the network of a task's own",
        lambda d: d.one("AWS::ECS::TaskDefinition")["NetworkMode"] == "awsvpc",
        f"{HUB}/ecs-controls.html#ecs-17",
    ),
    (
        "secrets by reference",
        lambda d: (
            d.container["Secrets"]
            == [{"Name": name, "ValueFrom": f"{arn}:password::"} for name, arn in service_secrets(d).items()]
        ),
        f"{HUB}/ecs-controls.html#ecs-8",
    ),
    (
        "logs, kept for a time",
        lambda d: (
            d.container["LogConfiguration"]["LogDriver"] == "awslogs"
            and d.container["LogConfiguration"]["Options"]["awslogs-group"] == "Logs"
            and int(d.one("AWS::Logs::LogGroup")["RetentionInDays"]) > 0
        ),
        f"{HUB}/ecs-controls.html#ecs-9",
    ),
    (
        "an image by its digest",
        lambda d: (
            load(d.project / "deploy/ecs/service.yml")["Parameters"]["Image"]["AllowedPattern"]
            == "^[^@]+@sha256:[0-9a-f]{64}$"
            and d.container["Image"] == "<Image>"
        ),
        f"{DOCS}/AmazonECS/latest/developerguide/security-tasks-containers.html",
    ),
    (
        "both roles, each of its own",
        lambda d: (
            len(
                {
                    d.one("AWS::ECS::TaskDefinition")[key].rpartition("/")[2]
                    for key in ("ExecutionRoleArn", "TaskRoleArn")
                }
            )
            == 2
            and {
                d.one("AWS::ECS::TaskDefinition")[key].rpartition("/")[2] for key in ("ExecutionRoleArn", "TaskRoleArn")
            }
            == {d.resources[name]["Properties"]["RoleName"] for name in ("ExecutionRole", "TaskRole")}
        ),
        f"{DOCS}/AmazonECS/latest/developerguide/security-ecs-iam-role-overview.html",
    ),
    (
        "what tasks hold is bounded",
        lambda d: all(
            d.resources[name]["Properties"]["PermissionsBoundary"] == f"orders-api-{d.environment}-boundary"
            for name in ("ExecutionRole", "TaskRole", "MigrationRole")
        ),
        f"{DOCS}/IAM/latest/UserGuide/access_policies_boundaries.html",
    ),
    (
        "a deployment that fails goes back",
        lambda d: (
            d.one("AWS::ECS::Service")["DeploymentConfiguration"]["DeploymentCircuitBreaker"]
            == {"Enable": True, "Rollback": True}
            and d.one("AWS::ECS::Service")["DeploymentConfiguration"]["Alarms"]["Rollback"] is True
            and d.one("AWS::ECS::Service")["DeploymentConfiguration"]["Alarms"]["Enable"] == "true"
        ),
        f"{DOCS}/AmazonECS/latest/developerguide/deployment-failure-detection.html",
    ),
    (
        "the alarms that it looks at exist",
        lambda d: (
            set(d.one("AWS::ECS::Service")["DeploymentConfiguration"]["Alarms"]["AlarmNames"])
            < {one["AlarmName"] for one in d.of_type("AWS::CloudWatch::Alarm")}
        ),
        f"{DOCS}/AmazonECS/latest/developerguide/deployment-alarm-failure.html",
    ),
    (
        "every alarm tells somebody",
        lambda d: (
            {one["AlarmName"].rpartition("-")[2] for one in d.of_type("AWS::CloudWatch::Alarm")}
            == {"5xx", "latency", "unhealthy", "errors", "cpu", "memory"}
            | ({"storage"} if d.on_rds else set())
            | ({"canary"} if d.answers["deployment_strategy"] == "canary" else set())
            and all(one["AlarmActions"] == one["OKActions"] == ["Topic"] for one in d.of_type("AWS::CloudWatch::Alarm"))
        ),
        f"{HUB}/cloudwatch-controls.html#cloudwatch-15",
    ),
    (
        "the topic takes messages over TLS alone, and of this service's alarms",
        lambda d: (
            d.one("AWS::SNS::TopicPolicy")["Topics"] == ["Topic"]
            and [
                (one["Effect"], one["Principal"], one["Action"], one["Resource"], one["Condition"])
                for one in d.one("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
            ]
            == [
                (
                    "Allow",
                    {"Service": "cloudwatch.amazonaws.com"},
                    "sns:Publish",
                    "Topic",
                    {
                        "StringEquals": {"aws:SourceAccount": "123456789012"},
                        "ArnLike": {
                            "aws:SourceArn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:"
                            f"orders-api-{d.environment}-*"
                        },
                    },
                ),
                ("Deny", "*", "sns:Publish", "Topic", {"Bool": {"aws:SecureTransport": "false"}}),
            ]
        ),
        f"{DOCS}/sns/latest/dg/sns-security-best-practices.html",
    ),
    (
        "what is logged as an error is counted, and fires",
        lambda d: (
            d.one("AWS::Logs::MetricFilter")["FilterPattern"] == '{ $.level = "error" }'
            and d.one("AWS::Logs::MetricFilter")["LogGroupName"]
            == d.container["LogConfiguration"]["Options"]["awslogs-group"]
            and [
                (one["MetricNamespace"], one["MetricName"], one["MetricValue"])
                for one in d.one("AWS::Logs::MetricFilter")["MetricTransformations"]
            ]
            == [(d.resources["ErrorsAlarm"]["Properties"]["Namespace"], "errors", "1")]
            and d.resources["ErrorsAlarm"]["Properties"]["MetricName"] == "errors"
            and d.resources["ErrorsAlarm"]["Properties"]["Threshold"] == "10"
        ),
        f"{DOCS}/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html",
    ),
    (
        "no access logs until they have a bucket",
        lambda d: (
            attribute(d.one("AWS::ElasticLoadBalancingV2::LoadBalancer"), "LoadBalancer", "access_logs.s3.enabled")
            == "false"
            and "access_logs.s3.bucket" not in str(d.one("AWS::ElasticLoadBalancingV2::LoadBalancer"))
        ),
        f"{HUB}/elb-controls.html#elb-5",
    ),
    (
        "scaling alone decides how many",
        lambda d: (
            "DesiredCount" not in d.one("AWS::ECS::Service")
            and 1
            <= int(d.one("AWS::ApplicationAutoScaling::ScalableTarget")["MinCapacity"])
            <= int(d.one("AWS::ApplicationAutoScaling::ScalableTarget")["MaxCapacity"])
            and (
                d.environment == "staging"
                or int(d.one("AWS::ApplicationAutoScaling::ScalableTarget")["MinCapacity"]) >= 2
            )
        ),
        f"{DOCS}/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-service.html",
    ),
    (
        "HTTPS alone",
        lambda d: all(
            one["DefaultActions"][0]["Type"] == "redirect"
            if one["Protocol"] == "HTTP"
            else one["SslPolicy"].startswith("ELBSecurityPolicy-TLS13-1-2") and one["Certificates"]
            for one in d.of_type("AWS::ElasticLoadBalancingV2::Listener")
        ),
        f"{HUB}/elb-controls.html#elb-1",
    ),
    (
        "bad headers are dropped",
        lambda d: (
            attribute(
                d.one("AWS::ElasticLoadBalancingV2::LoadBalancer"),
                "LoadBalancer",
                "routing.http.drop_invalid_header_fields.enabled",
            )
            == "true"
        ),
        f"{HUB}/elb-controls.html#elb-4",
    ),
    (
        "production's load balancer is not deleted by mistake",
        lambda d: (
            attribute(d.one("AWS::ElasticLoadBalancingV2::LoadBalancer"), "LoadBalancer", "deletion_protection.enabled")
            == str(d.environment == "production").lower()
        ),
        f"{HUB}/elb-controls.html#elb-6",
    ),
    (
        "listeners lead to the groups before the service does",
        lambda d: (
            {
                f"orders-api-{d.environment}-{group}"
                for group in ("target-group", "alternate-target-group")[
                    : len(d.of_type("AWS::ElasticLoadBalancingV2::TargetGroup"))
                ]
            }
            == {
                arn
                for one in balancers(d)
                for arn in (one["TargetGroupArn"], one.get("AdvancedConfiguration", {}).get("AlternateTargetGroupArn"))
                if arn
            }
            and {"TargetGroup", "AlternateTargetGroup"} & d.resources.keys()
            == {
                name
                for name in ("TargetGroup", "AlternateTargetGroup")
                if name in str(d.resources["Rule"]["Properties"]["Actions"])
            }
        ),
        f"{DOCS}/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-service.html",
    ),
]


@pytest.mark.parametrize("rule", RULES, ids=[name for name, _, _ in RULES])
def test_rule(rule: Rule, all_of: list[Deployment]) -> None:
    name, holds, source = rule
    for deployment in all_of:
        assert holds(deployment), f"{name} ({deployment.environment}): {source}"


def test_parameters_say_when_it_scales_and_where_requests_are_logged(rendered: Callable[[Answers], Path]) -> None:
    project = rendered(ECS[0])
    more = {"ScalingCpuPercent": "75", "ScalingRequests": "300", "AccessLogsBucket": "example-logs"}
    given = parameters(project, "production")
    assert more.keys() <= given.keys()
    service = resolve(load(project / "deploy/ecs/service.yml"), given | more)
    targets = {
        one["Properties"]["PolicyName"]: one["Properties"]["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]
        for one in service.values()
        if one["Type"] == "AWS::ApplicationAutoScaling::ScalingPolicy"
    }
    assert targets == {"cpu": "75", "requests": "300"}
    balancer = resolve(load(project / "deploy/ecs/load-balancer.yml"), given | more)["LoadBalancer"]["Properties"]
    written = {"enabled": "true", "bucket": "example-logs", "prefix": "orders-api-production"}
    assert {key: attribute(balancer, "LoadBalancer", f"access_logs.s3.{key}") for key in written} == written
    # what the bucket must allow: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
    (policy,) = re.findall(r"```json\n(.*?)```", (project / "deploy/README.md").read_text(), re.DOTALL)
    (statement,) = json.loads(policy)["Statement"]
    assert statement["Principal"] == {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}
    path = f"arn:aws:s3:::BUCKET/{written['prefix']}/AWSLogs/123456789012/elasticloadbalancing/us-east-1/2026/log.gz"
    assert fnmatchcase(path, statement["Resource"])


def test_every_export_that_is_imported_is_exported_before(all_of: list[Deployment]) -> None:
    for deployment in all_of:
        known: set[str] = set()
        for stack in stacks_of(deployment.answers):
            text = (deployment.project / f"deploy/ecs/{stack}.yml").read_text()
            assert set(re.findall(r'Fn::ImportValue"?: !Sub "?([^\s"]+)', text)) <= known, stack
            known |= set(re.findall(r"Export:\n +Name: !Sub (\S+)", text))


def test_blue_green_waits_for_its_test_and_goes_back_when_nobody_answers(all_of: list[Deployment]) -> None:
    for deployment in all_of:
        configuration = deployment.one("AWS::ECS::Service")["DeploymentConfiguration"]
        strategy = deployment.answers["deployment_strategy"]
        assert configuration["Strategy"] == strategy.upper().replace("-", "_")
        hooks = configuration.get("LifecycleHooks", [])
        assert [
            (hook["TargetType"], hook["LifecycleStages"], hook["TimeoutConfiguration"]["Action"]) for hook in hooks
        ] == ([("PAUSE", ["POST_TEST_TRAFFIC_SHIFT"], "ROLLBACK")] if strategy != "rolling" else [])


def test_the_environments_have_the_same_parameters(all_of: list[Deployment]) -> None:
    given = {deployment.environment: deployment.given for deployment in all_of}
    assert given["staging"].keys() == given["production"].keys()
    declared = {
        name
        for stack in stacks_of(all_of[0].answers)
        for name in load(all_of[0].project / f"deploy/ecs/{stack}.yml").get("Parameters", {})
    }
    assert set(parameters(all_of[0].project, "staging")) <= declared, "a parameter that no template has"


EVERY = [*ECS, *(one for one in YOURS if one["orchestrator"] == "ecs")]


@pytest.mark.parametrize("answers", EVERY, ids=name_of)
def test_a_deployment_watches_alarms_that_there_are(answers: Answers, rendered: Callable[[Answers], Path]) -> None:
    """Where one of them does not exist, deploy.sh refuses, and ECS rolls back."""
    folder = rendered(answers) / "deploy/ecs"
    made = set(re.findall(r"AlarmName: !Sub \S+?\$\{Environment\}-(\S+)", (folder / "alarms.yml").read_text()))
    (watched,) = re.findall(r'names=\("\$service-\$environment"-\{(.+?)\}\)', (folder / "deploy.sh").read_text())
    by_ecs = set(re.findall(r"- !Sub \S+?\$\{Environment\}-(\S+)$", (folder / "service.yml").read_text(), re.MULTILINE))
    assert by_ecs & made < set(watched.split(",")) <= made
    assert {"5xx", "latency", "unhealthy"} <= by_ecs
    (count,) = re.findall(r'<<<"\$found"\) == (\d+)', (folder / "deploy.sh").read_text())
    assert int(count) == len(watched.split(","))

"""An RDS Proxy between a function and its database: who comes to it, who goes past it, and the way there and back."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shipshape.template import Answers

from tests.ecs.function import NAME, SETUP, Place, digest, place_of  # noqa: F401 (a fixture)
from tests.ecs.test_function import follow, succeed
from tests.ecs.test_function_rules import allowed, resources, statements
from tests.support.aws.cloudformation import load, resolve
from tests.support.paths import ROOT
from tests.support.render.answers import LAMBDA

PROXY = {"lambda_database_access": "rds-proxy"}
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:app-AbCdEf"  # noqa: S105 - its name
GROUP = "sg-0123456789abcdef0"


@pytest.fixture
def project(rendered: Callable[[Answers], Path]) -> Path:
    return rendered(LAMBDA[2])


def with_database(place: Place) -> None:
    """An instance of RDS in the account, and the secret of the service's role, as the page wants them."""
    place.client("rds").create_db_instance(
        DBInstanceIdentifier="shop", DBInstanceClass="db.t4g.medium", Engine="postgres", AllocatedStorage=20
    )
    (group, *_) = place.client("ec2").describe_security_groups()["SecurityGroups"]
    said = json.dumps({"username": "shop_app", "password": "old"})
    place.change(
        DatabaseIdentifier="shop", DatabaseSecurityGroupId=group["GroupId"],
        DatabaseUrl="postgresql://shop_app@shop.rds.example:6432/shop?sslmode=require",
        DatabaseSecretArn=place.client("secretsmanager").create_secret(Name="app", SecretString=said)["ARN"],
    )  # fmt: skip


def address(place: Place, name: str = NAME) -> str:
    """Where a function finds its database."""
    return str(place.function(name).latest["Environment"]["Variables"]["DATABASE_URL"])


def through(place: Place) -> str:
    """The proxy's own address."""
    (proxy,) = place.client("rds").describe_db_proxies()["DBProxies"]
    return f"postgresql://shop_app@{proxy['Endpoint']}:5432/shop?sslmode=verify-full"


def test_the_function_comes_through_the_proxy_and_a_migration_past_it(place_of: Callable[..., Place]) -> None:  # noqa: F811
    place = place_of(**PROXY)
    with_database(place)
    follow(place, "AWS", {})
    (proxy,) = place.client("rds").describe_db_proxies()["DBProxies"]
    assert (proxy["EngineFamily"], proxy["RequireTLS"], proxy["DebugLogging"]) == ("POSTGRESQL", True, False)
    (auth,) = proxy["Auth"]
    assert (auth["AuthScheme"], auth["ClientPasswordAuthType"]) == ("SECRETS", "POSTGRES_SCRAM_SHA_256")
    (target,) = place.client("rds").describe_db_proxy_targets(DBProxyName=NAME)["Targets"]
    assert target["RdsResourceId"] == "shop"
    succeed(place, "deploy.sh", "staging", digest("a"))
    assert {address(place), address(place, f"{NAME}-events")} == {through(place)}
    task = place.client("ecs").describe_task_definition(taskDefinition=f"{NAME}-migrate")["taskDefinition"]
    (variable,) = task["containerDefinitions"][0]["environment"]
    assert variable["value"] == place.parameters()["DatabaseOwnerUrl"]


def test_the_way_to_a_proxy_and_back(place_of: Callable[..., Place], rendered: Callable[[Answers], Path]) -> None:  # noqa: F811
    """With what an update brings: the stacks and scripts of the other answer, and the parameters as they were."""
    place = place_of(**PROXY)
    with_database(place)

    def answer(access: str) -> None:
        source = rendered(LAMBDA[0] | {"lambda_database_access": access}) / "deploy/lambda"
        for path in source.glob("*.*"):
            shutil.copy(path, place.project / "deploy/lambda")
        if access == "direct":
            (place.project / "deploy/lambda/proxy.yml").unlink()

    answer("direct")
    place.make(*SETUP)
    succeed(place, "deploy.sh", "staging", digest("a"))
    direct = place.parameters()["DatabaseUrl"]
    assert address(place) == direct
    answer("rds-proxy")
    succeed(place, "setup.sh", "staging")
    succeed(place, "deploy.sh", "staging", digest("b"))
    assert address(place) == through(place)
    answer("direct")
    succeed(place, "deploy.sh", "staging", digest("c"))
    assert {address(place), address(place, f"{NAME}-events")} == {direct}
    succeed(place, "setup.sh", "staging")
    cloudformation = place.client("cloudformation")
    for stack in cloudformation.describe_stacks()["Stacks"]:
        if not stack["StackName"].endswith("-proxy"):
            body = cloudformation.get_template(StackName=stack["StackName"])["TemplateBody"]
            assert "-proxy-url" not in str(body), f"{stack['StackName']} keeps the proxy from being deleted"
    cloudformation.delete_stack(StackName=f"{NAME}-proxy")
    succeed(place, "deploy.sh", "staging", digest("d"))


def test_a_rotated_password_comes_with_the_role_s_name(place_of: Callable[..., Place]) -> None:  # noqa: F811
    """Without it the proxy knows nobody: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-secrets-arns.html."""
    place = place_of(**PROXY)
    with_database(place)
    secrets = place.client("secretsmanager")
    place.change(DatabaseOwnerSecretArn=secrets.create_secret(Name="owner", SecretString="{}")["ARN"])
    (place.project / ".secrets/staging").mkdir(parents=True)
    for role in ("app", "owner"):
        (place.project / ".secrets/staging" / role).write_text(f"new-{role}")
    place.make(*SETUP, "proxy", "function", "events", Image=digest("a"), Release="sha256:a made")
    follow(place, "Rotate the passwords", {})
    said = json.loads(secrets.get_secret_value(SecretId="app")["SecretString"])
    assert said == {"username": "shop_app", "password": "new-app"}
    variables = place.function().versions[place.function().aliases["live"]]["Environment"]["Variables"]
    name = "DATABASE_PASSWORD"
    assert variables[name] == "new-app"


def test_the_function_alone_comes_in_and_the_database_alone_is_reached(project: Path) -> None:
    """Both ways, and before the target is registered: https://github.com/aws/aws-cdk/issues/8919."""
    made = resources(project, DatabaseSecurityGroupId=GROUP, DatabasePort="6432")
    group = made["ProxySecurityGroup"]["Properties"]
    rule: dict[str, Any] = {"IpProtocol": "tcp", "FromPort": "5432", "ToPort": "5432"}
    (came,), (left,) = group["SecurityGroupIngress"], group["SecurityGroupEgress"]
    assert {name: str(came[name]) for name in rule} == rule
    assert came["SourceSecurityGroupId"] == f"{NAME}-service-group"
    there = rule | {"FromPort": "6432", "ToPort": "6432"}
    assert left == there | {"Description": "The database", "DestinationSecurityGroupId": GROUP}
    admitted = made["DatabaseAdmitsProxy"]["Properties"]
    assert admitted.items() >= (there | {"GroupId": GROUP, "SourceSecurityGroupId": "ProxySecurityGroup"}).items()
    assert made["ProxyTarget"]["DependsOn"] == "DatabaseAdmitsProxy"
    assert made["Proxy"]["Properties"]["VpcSecurityGroupIds"] == ["ProxySecurityGroup"]


@pytest.mark.parametrize("answers", [LAMBDA[0] | PROXY, LAMBDA[2]], ids=["http-api", "function-url"])
def test_it_is_set_up_after_the_group_that_it_admits(rendered: Callable[[Answers], Path], answers: Answers) -> None:
    stacks = re.search(r"for stack in (.+); do", (rendered(answers) / "deploy/lambda/setup.sh").read_text())
    assert stacks
    names = stacks[1].split()
    assert names.index("entry") < names.index("proxy")


@pytest.mark.parametrize(("kind", "other"), [("Instance", "Cluster"), ("Cluster", "Instance")])
def test_it_is_before_an_instance_or_a_cluster(project: Path, kind: str, other: str) -> None:
    target = resources(project, DatabaseKind=kind.lower(), DatabaseIdentifier="shop")["ProxyTarget"]["Properties"]
    assert target[f"DB{kind}Identifiers"] == ["shop"]
    assert f"DB{other}Identifiers" not in target
    assert target["TargetGroupName"] == "default", "https://github.com/cloudtools/troposphere/pull/1735"


def test_the_proxy_reads_one_secret_and_the_pipeline_has_nothing_to_do_with_it(project: Path) -> None:
    given = {"DatabaseSecretArn": SECRET}
    role = resources(project, **given)["ProxyRole"]["Properties"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "rds.amazonaws.com"}
    read = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": SECRET}
    assert [one["PolicyDocument"]["Statement"] for one in role["Policies"]] == [[read]]
    key = "arn:aws:kms:us-east-1:123456789012:key/1"
    (policy,) = resources(project, **given, DatabaseSecretKeyArn=key)["ProxyRole"]["Properties"]["Policies"]
    _, decrypt = policy["PolicyDocument"]["Statement"]
    assert (decrypt["Action"], decrypt["Resource"]) == ("kms:Decrypt", key)
    assert decrypt["Condition"] == {"StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}}
    for name in ("DeployRole", "StackRole"):
        assert not {action for action in allowed(project, name) if action.startswith("rds")}
        reached = [resource for one in statements(project, name) for resource in one["Resource"]]
        assert not [one for one in reached if "-proxy" in one]


def test_it_gives_up_before_the_service_does_and_ends_no_request(project: Path) -> None:
    text = (ROOT / "docs/contract.md").read_text()
    waits = re.search(r"^\| waiting for one of the pool's connections \| (\d+) s \|", text, re.MULTILINE)
    assert waits
    made = resources(project)
    pool = made["ProxyTarget"]["Properties"]["ConnectionPoolConfigurationInfo"]
    assert pool["ConnectionBorrowTimeout"] < int(waits[1])
    longest = load(project / "deploy/lambda/function.yml")["Parameters"]["TimeoutSeconds"]["MaxValue"]
    assert made["Proxy"]["Properties"]["IdleClientTimeout"] >= longest


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://app@db:5432/app", "postgresql://app@Proxy.Endpoint:5432/app?sslmode=verify-full"),
        ("postgres://me@[::1]/a%20b?sslmode=require&sslrootcert=/x", "postgres://me@Proxy.Endpoint:5432/a%20b?sslmode=verify-full"),
        ("postgresql://app:secret@db/app", ""),
        ("postgresql://app@db", ""),
    ],
)  # fmt: skip
def test_its_address_has_the_role_and_the_database_of_the_other(project: Path, url: str, expected: str) -> None:
    template = load(project / "deploy/lambda/proxy.yml")
    taken = re.fullmatch(template["Parameters"]["DatabaseUrl"]["AllowedPattern"], url)
    assert bool(taken) == bool(expected), "what would make an address that leads nowhere is refused"
    if expected:
        output = template | {"Resources": {"Url": template["Outputs"]["Url"]}}
        assert resolve(output, {"DatabaseUrl": url})["Url"]["Value"] == expected

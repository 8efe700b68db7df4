"""The database on RDS: what its stacks say, what setup.sh makes of them, how passwords and data come and go.

How it broke for others, each held by a test here:
- the administrator's secret changes every seven days, wanted or not: https://github.com/terraform-aws-modules/terraform-aws-rds/issues/547
- an update replaced the database: https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1180
- its backups went with it: https://github.com/awsdocs/aws-cloudformation-user-guide/pull/1225
- TLS was demanded, and the service came without: https://github.com/DataDog/datadog-agent/issues/13318
- what is restored has the default security group:
  https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIT.html
"""

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from shipshape.template import Answers

from tests.ecs.conftest import World, digest
from tests.ecs.test_rules import Deployment, container_of, deployments
from tests.ecs.test_scripts import follow, refused, succeed
from tests.support.aws import stacks
from tests.support.aws.cloudformation import load
from tests.support.render import document
from tests.support.render.answers import RDS

DATABASE = "orders-api-staging"


@pytest.fixture(scope="module", params=RDS, ids=lambda one: str(one["deployment_strategy"]))
def all_of(request: pytest.FixtureRequest, rendered: Callable[[Answers], Path]) -> list[Deployment]:
    return list(deployments(rendered(request.param), request.param))


@pytest.fixture
def world(world_of: Callable[..., World]) -> World:
    """Staging, set up with a database; nothing is deployed yet."""
    world = world_of(ecs_database="rds")
    world.make("load-balancer", "database", "bootstrap", "alarms")
    world.make("database-roles", AdministratorSecretArn=database(world)["MasterUserSecret"]["SecretArn"])
    return world


@pytest.fixture
def running(world: World) -> World:
    """Staging, which runs the image a."""
    world.make("roles", "migrate", "service", Image=digest("a"))
    return world


def database(world: World, name: str = DATABASE) -> dict[str, Any]:
    (found,) = world.client("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
    return dict(found)


def output(world: World, name: str) -> str:
    (stack,) = world.client("cloudformation").describe_stacks(StackName=f"{DATABASE}-database")["Stacks"]
    return str({one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}[name])


def secret(world: World, name: str) -> dict[str, str]:
    """What a secret holds, by the output that names it."""
    value = world.client("secretsmanager").get_secret_value(SecretId=output(world, name))["SecretString"]
    return dict(json.loads(value))


# What the templates say


def test_the_database_is_kept(all_of: list[Deployment]) -> None:
    for d in all_of:
        found = d.resources["Database"]
        assert (found["DeletionPolicy"], found["UpdateReplacePolicy"]) == ("Snapshot", "Snapshot")
        properties = found["Properties"]
        assert properties["DeletionProtection"] is True
        assert properties["DeleteAutomatedBackups"] is False, "the backups would go with it"
        assert properties["StorageEncrypted"] is True
        assert properties["PubliclyAccessible"] is False
        assert 7 <= int(properties["BackupRetentionPeriod"]) <= 35
        assert "DBName" not in properties, "a changed name would replace the database"
        assert properties["MultiAZ"] == ("true" if d.environment == "production" else "false")


def test_nothing_comes_without_tls(all_of: list[Deployment]) -> None:
    for d in all_of:
        parameters = d.resources["DatabaseParameters"]["Properties"]
        assert parameters["Parameters"] == {"rds.force_ssl": "1"}
        assert parameters["Family"] == f"postgres{d.resources['Database']['Properties']['EngineVersion']}"
        outputs = load(d.project / "deploy/ecs/database.yml")["Outputs"]
        for name, user in (("Url", "app"), ("OwnerUrl", "owner")):
            assert outputs[name]["Value"] == {
                "Fn::Sub": f"postgresql://{user}@${{Database.Endpoint.Address}}:5432/app?sslmode=require"
            }
        roles = container_of(d.resources["Roles"]["Properties"])["Environment"]
        assert {"Name": "PGSSLMODE", "Value": "require"} in roles


def test_the_administrators_password_is_rds_own_and_reaches_the_task_of_the_roles_alone(
    all_of: list[Deployment],
) -> None:
    for d in all_of:
        assert d.resources["Database"]["Properties"]["ManageMasterUserPassword"] is True
        assert "MasterUserPassword" not in d.resources["Database"]["Properties"]
        readers = {name for name, one in d.resources.items() if "<AdministratorSecretArn>" in str(one)}
        assert readers == {"Roles", "RolesRole"}
        assert d.resources["RolesRole"]["Properties"]["RoleName"] not in str(
            [d.resources[name] for name in ("DeployRole", "StackRole")]
        ), "the pipeline could start a task with it"


def test_only_the_services_tasks_and_that_of_the_roles_get_in(all_of: list[Deployment]) -> None:
    for d in all_of:
        group = d.resources["DatabaseSecurityGroup"]["Properties"]
        name = f"orders-api-{d.environment}"
        (service,) = group["SecurityGroupIngress"]
        assert (service["SourceSecurityGroupId"], service["FromPort"], service["ToPort"]) == (
            f"{name}-service-group", 5432, 5432,
        )  # fmt: skip
        others = [
            (one["SourceSecurityGroupId"], one["FromPort"], one["ToPort"])
            for one in d.of_type("AWS::EC2::SecurityGroupIngress")
            if one["GroupId"] == f"{name}-database-group"
        ]
        assert others == [("RolesSecurityGroup", 5432, 5432)]
        assert [one["CidrIp"] for one in group["SecurityGroupEgress"]] == ["127.0.0.1/32"]


def test_its_logs_expire(all_of: list[Deployment]) -> None:
    for d in all_of:
        properties = d.resources["Database"]["Properties"]
        groups = {
            one["Properties"]["LogGroupName"]
            for name in d.resources["Database"]["DependsOn"]
            if int((one := d.resources[name])["Properties"]["RetentionInDays"]) > 0
        }
        assert groups == {
            f"/aws/rds/instance/{properties['DBInstanceIdentifier']}/{kind}"
            for kind in properties["EnableCloudwatchLogsExports"]
        }


def test_its_names_fit(all_of: list[Deployment]) -> None:
    """With the longest name that a service may have: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html."""
    script = (all_of[0].project / "deploy/ecs/restore.sh").read_text()
    assert "name=$service-$environment copy=$service-$environment-restored" in script
    assert "$name-old$(date --utc +%m%d%H%M)" in script
    longest = f"{'o' * 40}-production"
    assert max(len(f"{longest}-restored"), len(f"{longest}-old01312359")) <= 63


# What setup.sh makes


def test_setup_makes_the_database_and_its_roles(world_of: Callable[..., World]) -> None:
    world = world_of(ecs_database="rds")
    follow(world, "AWS", {})
    made = database(world)
    assert (made["Engine"], made["MultiAZ"], made["DeletionProtection"]) == ("postgres", False, True)
    assert made["StorageEncrypted"] is True
    (group,) = made["VpcSecurityGroups"]
    (rules,) = world.client("ec2").describe_security_groups(GroupIds=[group["VpcSecurityGroupId"]])["SecurityGroups"]
    assert len([pair for rule in rules["IpPermissions"] for pair in rule["UserIdGroupPairs"]]) == 2
    policy = json.loads(
        world.client("cloudformation").get_stack_policy(StackName=f"{DATABASE}-database")["StackPolicyBody"]
    )
    assert {
        "Effect": "Deny", "Action": ["Update:Replace", "Update:Delete"], "Principal": "*",
        "Resource": "LogicalResourceId/Database",
    } in policy["Statement"]  # fmt: skip
    assert secret(world, "SecretArn")["username"] == "app"
    assert secret(world, "OwnerSecretArn")["username"] == "owner"
    check_roles_task(world, made["MasterUserSecret"]["SecretArn"])
    before = secret(world, "SecretArn")
    succeed(world, "setup.sh", "staging")
    assert secret(world, "SecretArn") == before, "a second setup changes no password"
    assert len(world.cloud.tasks.started) == 2, "and makes the roles again, which does no harm"


def check_roles_task(world: World, administrator: str) -> None:
    """The task that was started last: which secrets it gets, and that what it runs is deploy/database/roles.sh."""
    asked = world.cloud.tasks.started[-1]
    assert asked["cluster"] == f"{DATABASE}-database-roles"
    (override,) = asked["overrides"]["containerOverrides"]
    script = (world.project / "deploy/database/roles.sh").read_text()
    assert override == {"name": "database-roles", "command": [script]}
    assert len(json.dumps(asked["overrides"])) < 8192, "ECS takes no more"
    ecs = world.client("ecs")
    (container,) = ecs.describe_task_definition(taskDefinition=asked["taskDefinition"])["taskDefinition"][
        "containerDefinitions"
    ]
    assert {one["name"]: one["valueFrom"] for one in container["secrets"]} == {
        "PGPASSWORD": f"{administrator}:password::",
        "APP_PASSWORD": f"{output(world, 'SecretArn')}:password::",
        "OWNER_PASSWORD": f"{output(world, 'OwnerSecretArn')}:password::",
    }


def test_the_task_hands_the_passwords_to_its_script_as_files(all_of: list[Deployment], tmp_path: Path) -> None:
    container = container_of(all_of[0].resources["Roles"]["Properties"])
    environment = {one["Name"]: one["Value"] for one in container["Environment"]}
    *shell, prepare = container["EntryPoint"]
    here = prepare.replace("/tmp/", f"{shlex.quote(str(tmp_path))}/")  # noqa: S108 - the container's
    files = {name: path.replace("/tmp", str(tmp_path)) for name, path in environment.items()}  # noqa: S108
    script = 'cat "$DATABASE_PASSWORD_FILE"; echo " $# $0"; cat "$DATABASE_OWNER_PASSWORD_FILE"; env'
    done = subprocess.run(
        [*shell, here, script],
        env=files | {"APP_PASSWORD": "one", "OWNER_PASSWORD": "two", "PGPASSWORD": "three", "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    first, second, *rest = done.stdout.splitlines()
    assert first == "one 0 bash", "roles.sh takes its names from its arguments, and has none"
    assert second.startswith("two")
    assert not [line for line in [second[3:], *rest] if line.endswith(("=one", "=two"))]
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {"app": 0o600, "owner": 0o600}


def test_setup_says_that_the_roles_are_missing(world: World) -> None:
    world.cloud.tasks.exit_code = 1
    world.cloud.tasks.log = ["psql: error: connection refused"]
    result = world.run("setup.sh", "staging")
    assert result.returncode == 1
    assert "psql: error: connection refused" in result.stderr
    assert result.stderr.strip().endswith("the database is there, but not its roles: see above, and run this again")


@pytest.mark.parametrize("status", ["DELETE_FAILED", "ROLLBACK_FAILED"])
def test_setup_deletes_no_stack_with_a_database(world: World, status: str) -> None:
    stacks.set_status(f"{DATABASE}-database", status)
    assert f"is {status}, and its database may hold data: see Removal" in refused(world, 1, "setup.sh", "staging")
    assert "cloudformation:DeleteStack" not in {call.action for call in world.cloud.calls}
    assert database(world)


def test_a_deployment_takes_the_databases_secrets(world: World) -> None:
    succeed(world, "deploy.sh", "staging", digest("a"))
    ecs = world.client("ecs")
    for task, prefix in ((DATABASE, ""), (f"{DATABASE}-migrate", "Owner")):
        (container,) = ecs.describe_task_definition(taskDefinition=task)["taskDefinition"]["containerDefinitions"]
        assert container["secrets"] == [
            {"name": "DATABASE_PASSWORD", "valueFrom": f"{output(world, f'{prefix}SecretArn')}:password::"}
        ]
        assert {"name": "DATABASE_URL", "value": output(world, f"{prefix}Url")} in container["environment"]
    assert not {call.action for call in world.cloud.calls if call.action.startswith("rds:Delete")}


# Passwords, data, removal


def test_rotation_changes_secrets_database_and_tasks_in_this_order(running: World) -> None:
    before = {name: secret(running, name) for name in ("SecretArn", "OwnerSecretArn")}
    running.cloud.calls.clear()
    said = follow(running, "Rotate the passwords", {})
    for name, old in before.items():
        new = secret(running, name)
        assert new["username"] == old["username"]
        assert re.fullmatch(r"[A-Za-z0-9]{48}", new["password"])
        assert new["password"] != old["password"]
        assert new["password"] not in said + "".join(
            call.body for call in running.cloud.calls if "Put" not in call.action
        )
    actions = [call.action for call in running.cloud.calls]
    assert actions.count("secretsmanager:PutSecretValue") == 2
    started = actions.index("ecs:RunTask")
    assert max(n for n, one in enumerate(actions) if one == "secretsmanager:PutSecretValue") < started
    assert started < max(n for n, one in enumerate(actions) if one == "cloudformation:ExecuteChangeSet")
    assert f"staging runs {digest('a')} in new tasks" in said


def test_a_rotation_that_fails_keeps_the_old_tasks(running: World) -> None:
    running.cloud.tasks.exit_code = 1
    assert refused(running, 1, "rotate.sh", "staging").endswith("no new task can connect: run this again")
    changed = [call.body for call in running.cloud.calls if call.action == "cloudformation:ExecuteChangeSet"]
    assert not [body for body in changes_of(changed) if body.endswith("service")]


def changes_of(bodies: list[str]) -> list[str]:
    return [found[1] for body in bodies if (found := re.search(r"StackName=([\w-]+)", body))]


def test_a_rotation_needs_a_database(world_of: Callable[..., World]) -> None:
    world = world_of(ecs_database="rds")
    assert "there is no stack orders-api-staging-database" in refused(world, 1, "rotate.sh", "staging")


def test_a_restore_takes_the_place_of_the_live_database(running: World) -> None:
    live = database(running)
    said = follow(running, "The database", {"2026-01-31T12:00:00Z": "2026-11-01T00:00:00Z"})
    asked = sent(running, "rds:RestoreDBInstanceToPointInTime")
    assert asked["RestoreTime"] == ["2026-11-01T00:00:00Z"]
    assert asked["VpcSecurityGroupIds.VpcSecurityGroupId.1"] == [live["VpcSecurityGroups"][0]["VpcSecurityGroupId"]]
    assert asked["DBParameterGroupName"] == [live["DBParameterGroups"][0]["DBParameterGroupName"]]
    assert asked["DBSubnetGroupName"] == [live["DBSubnetGroup"]["DBSubnetGroupName"]]
    assert (asked["DeletionProtection"], asked["ManageMasterUserPassword"]) == (["true"], ["true"])
    new = database(running)
    assert new["MasterUserSecret"]["SecretArn"] != live["MasterUserSecret"]["SecretArn"]
    check_roles_task(running, new["MasterUserSecret"]["SecretArn"])
    names = {one["DBInstanceIdentifier"] for one in running.client("rds").describe_db_instances()["DBInstances"]}
    (old,) = names - {DATABASE}
    assert re.fullmatch(rf"{DATABASE}-old\d{{8}}", old)
    assert f"{DATABASE} is as it was at 2026-11-01T00:00:00Z" in said


def sent(world: World, action: str) -> dict[str, list[str]]:
    (call,) = [call for call in world.cloud.calls if call.action == action]
    return parse_qs(call.body)


def test_the_old_one_is_deleted_with_a_last_snapshot(running: World) -> None:
    succeed(running, "restore.sh", "staging", "2026-11-01T00:00:00Z")
    commands = document.shell(running.project, "The database", {}, block=1)
    result = document.run(running.project, commands, running.environment)
    assert result.returncode == 0, result.stderr
    names = {one["DBInstanceIdentifier"] for one in running.client("rds").describe_db_instances()["DBInstances"]}
    assert names == {DATABASE}
    assert running.client("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]


def test_a_restore_that_was_killed_goes_on(running: World) -> None:
    """Between the two names the service has no database at all: the second run must not begin anew."""
    rds = running.client("rds")
    rds.restore_db_instance_to_point_in_time(
        SourceDBInstanceIdentifier=DATABASE, TargetDBInstanceIdentifier=f"{DATABASE}-restored",
        RestoreTime="2026-11-01T00:00:00Z", ManageMasterUserPassword=True,
        Tags=[{"Key": "restored-to", "Value": "2026-11-01T00:00:00Z"}],
    )  # fmt: skip
    running.cloud.calls.clear()
    other = refused(running, 1, "restore.sh", "staging", "2026-11-02T00:00:00Z")
    assert other.endswith(
        f"{DATABASE}-restored is there already, of 2026-11-01T00:00:00Z: give that time, or delete it"
    )
    rds.modify_db_instance(DBInstanceIdentifier=DATABASE, NewDBInstanceIdentifier=f"{DATABASE}-old11010000")
    succeed(running, "restore.sh", "staging", "2026-11-01T00:00:00Z")
    assert database(running)["TagList"] == [{"Key": "restored-to", "Value": "2026-11-01T00:00:00Z"}]
    assert "rds:RestoreDBInstanceToPointInTime" not in {call.action for call in running.cloud.calls}


@pytest.mark.parametrize("time", ["yesterday", "2026-11-01", "2026-11-01T00:00:00+01:00", "2026-11-01T00:00:00Z; rm"])
def test_a_time_that_is_none_is_refused(world: World, time: str) -> None:
    assert refused(world, 2, "restore.sh", "staging", time).endswith("is no time: use UTC, as in 2026-01-31T12:00:00Z")


def test_removal_takes_all_stacks_and_leaves_a_snapshot(running: World) -> None:
    follow(running, "Removal", {})
    left = {
        stack["StackName"]
        for stack in running.client("cloudformation").describe_stacks()["Stacks"]
        if stack["StackStatus"] != "DELETE_COMPLETE"
    }
    assert left == set()
    assert running.client("rds").describe_db_instances()["DBInstances"] == []
    assert running.client("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]

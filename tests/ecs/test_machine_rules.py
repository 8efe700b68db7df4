"""What a machine on AWS may do, who reaches it, and rules that no linter checks, each with its source."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from shipshape.template import Answers

from tests.ecs.test_accounts import roles_taken
from tests.ecs.test_policies import ACTIONS, as_list
from tests.support.aws.cloudformation import PSEUDO, load, resolve
from tests.support.aws.policies import IDS, admits, strangers, token
from tests.support.render import ORDERS
from tests.support.render.answers import MACHINES

DOCS = "https://docs.aws.amazon.com"
ACCOUNTS = {"staging": ("123456789012", "us-east-1"), "production": ("222233334444", "eu-west-1")}


class Stacks:
    """Both stacks of one environment, resolved; what one imports of the other keeps the export's name."""

    def __init__(self, project: Path, environment: str) -> None:
        self.project, self.environment, self.name = project, environment, f"orders-api-{environment}"
        path = project / f"deploy/compose/parameters/{environment}.json"
        self.given = json.loads(path.read_text())["Parameters"] | IDS | {"ImageId": "ami-0123"}
        self.base = resolve(load(project / "deploy/compose/base.yml"), self.given)
        self.instance = resolve(load(project / "deploy/compose/instance.yml"), self.given)
        assert not self.base.keys() & self.instance.keys()

    def __getitem__(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = (self.base | self.instance)[name]["Properties"]
        return found

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [one["Properties"] for one in (self.base | self.instance).values() if one["Type"] == kind]

    def statements(self, role: str) -> list[dict[str, Any]]:
        (policy,) = self[role]["Policies"]
        found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
        return found

    @property
    def user_data(self) -> str:
        return str(self["Instance"]["UserData"]["Fn::Base64"])


@pytest.fixture(scope="module", params=range(len(MACHINES)), ids=lambda number: MACHINES[number]["language"])
def both(request: pytest.FixtureRequest, rendered: Callable[[Answers], Path]) -> list[Stacks]:
    return [Stacks(rendered(MACHINES[request.param]), environment) for environment in ACCOUNTS]


RULES: list[tuple[str, Callable[[Stacks], bool], str]] = [
    (
        "credentials of the machine by a token, and one hop far",
        lambda s: s["Instance"]["MetadataOptions"] == {"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
        f"{DOCS}/securityhub/latest/userguide/ec2-controls.html#ec2-8",
    ),
    (
        "no port for SSH, and none but those of the proxy",
        lambda s: (
            [(one["FromPort"], one["ToPort"], one["IpProtocol"]) for one in s["SecurityGroup"]["SecurityGroupIngress"]]
            == [(80, 80, "tcp"), (443, 443, "tcp")]
            and s.of_type("AWS::EC2::SecurityGroupIngress") == []
            and "KeyName" not in s["Instance"]
        ),
        f"{DOCS}/systems-manager/latest/userguide/session-manager.html",
    ),
    (
        "both disks encrypted",
        lambda s: (
            s["Data"]["Encrypted"] is True
            and [one["Ebs"]["Encrypted"] for one in s["Instance"]["BlockDeviceMappings"]] == [True]
            and {s["Data"]["VolumeType"], s["Instance"]["BlockDeviceMappings"][0]["Ebs"]["VolumeType"]} == {"gp3"}
        ),
        f"{DOCS}/securityhub/latest/userguide/ec2-controls.html#ec2-3",
    ),
    (
        "the data outlive the machine, and their own stack",
        lambda s: (
            (s.base["Data"]["DeletionPolicy"], s.base["Data"]["UpdateReplacePolicy"]) == ("Retain", "Retain")
            and s["Instance"]["Volumes"] == [{"Device": "/dev/sdf", "VolumeId": f"{s.name}-data"}]
            and s.of_type("AWS::EC2::VolumeAttachment") == []
        ),
        "https://github.com/restatedev/cdk/issues/100",
    ),
    (
        "a disk is known by its id: /dev/nvme1n1 may be another, and /dev/sdf is not there at all",
        lambda s: (
            "disk=/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_$(tr -d - <<<" in s.user_data
            and f"id={s.name}-data\n" in s.user_data
            and not [
                line
                for line in s.user_data.splitlines()
                if "/dev/" in line.partition("#")[0] and "nvme1" in line.partition("#")[0]
            ]
        ),
        "https://github.com/canonical/cloud-init/issues/3380",
    ),
    (
        "user data that EC2 takes, with room to spare, and that no later change of prepare-host.sh touches",
        lambda s: len(s.user_data) < 4000 and s.user_data.startswith("#!/bin/bash\n") and "apt" not in s.user_data,
        "https://github.com/aws-samples/sample-OpenClaw-on-AWS-with-Bedrock/pull/56",
    ),
    (
        "its address is there before it starts",
        lambda s: (
            s["AddressOfInterface"] == {"AllocationId": "Address.AllocationId", "NetworkInterfaceId": "Interface"}
            and s["Instance"]["NetworkInterfaces"]
            == [{"DeviceIndex": "0", "NetworkInterfaceId": f"{s.name}-interface"}]
            and "AddressOfInterface" in s.base
        ),
        "https://github.com/chialab/aws-autoscaling-gitlab-runner/issues/20",
    ),
    (
        "Ubuntu, whose images have the agent, as a snap, which Debian's have not: nothing installs another",
        lambda s: (
            "amazon-ssm-agent" not in s.user_data
            and "amazon-ssm-agent" not in (s.project / "deploy/compose/prepare-host.sh").read_text()
            and "/aws/service/canonical/ubuntu/server/24.04/" in (s.project / "deploy/compose/aws.sh").read_text()
        ),
        "https://github.com/cisagov/ansible-role-amazon-ssm-agent/issues/56",
    ),
    (
        "a snapshot each day, of this volume alone, by one tag: of several, any would do",
        lambda s: (
            s["Snapshots"]["State"] == "ENABLED"
            and s["Snapshots"]["PolicyDetails"]["TargetTags"] == [{"Key": "Name", "Value": f"{s.name}-data"}]
            and s["Data"]["Tags"] == s["Snapshots"]["PolicyDetails"]["TargetTags"]
            and s["Snapshots"]["PolicyDetails"]["ResourceTypes"] == ["VOLUME"]
            and [one["CreateRule"]["Interval"] for one in s["Snapshots"]["PolicyDetails"]["Schedules"]] == [24]
            and int(s["Snapshots"]["PolicyDetails"]["Schedules"][0]["RetainRule"]["Count"]) >= 7
            and s["Snapshots"]["PolicyDetails"]["Schedules"][0]["CopyTags"] is True  # by which replace.sh knows them
        ),
        f"{DOCS}/dlm/latest/APIReference/API_PolicyDetails.html",
    ),
    (
        "recovered where AWS's hardware fails, rebooted where it hangs, and never both at once",
        lambda s: (
            s["SystemAlarm"]["AlarmActions"][0].endswith(":ec2:recover")
            and s["SystemAlarm"]["MetricName"] == "StatusCheckFailed_System"
            and s["InstanceAlarm"]["AlarmActions"][0].endswith(":ec2:reboot")
            and s["InstanceAlarm"]["MetricName"] == "StatusCheckFailed_Instance"
            and s["SystemAlarm"]["EvaluationPeriods"] < s["InstanceAlarm"]["EvaluationPeriods"]
        ),
        f"{DOCS}/AWSEC2/latest/UserGuide/UsingAlarmActions.html",
    ),
    (
        "every alarm tells somebody",
        lambda s: (
            {one["AlarmName"] for one in s.of_type("AWS::CloudWatch::Alarm")}
            == {f"{s.name}-{name}" for name in ("system", "instance", "volume", "disk", "units")}
            and all(
                one["OKActions"] == [f"{s.name}-topic"] and f"{s.name}-topic" in one["AlarmActions"]
                for one in s.of_type("AWS::CloudWatch::Alarm")
            )
        ),
        f"{DOCS}/securityhub/latest/userguide/cloudwatch-controls.html#cloudwatch-15",
    ),
    (
        "silence of the machine is told, too",
        lambda s: s["DiskAlarm"]["TreatMissingData"] == "breaching",
        f"{DOCS}/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html",
    ),
    (
        "the topic takes messages over TLS alone",
        lambda s: (
            [
                (one["Principal"], one["Action"], one["Condition"])
                for one in s["TopicPolicy"]["PolicyDocument"]["Statement"]
                if one["Effect"] == "Deny"
            ]
            == [("*", "sns:Publish", {"Bool": {"aws:SecureTransport": "false"}})]
            and all(
                "aws:SourceArn" in json.dumps(one["Condition"])
                for one in s["TopicPolicy"]["PolicyDocument"]["Statement"]
                if one["Effect"] == "Allow"
            )
        ),
        f"{DOCS}/sns/latest/dg/sns-security-best-practices.html",
    ),
    (
        "who reads the names of roles finds them short enough",
        lambda s: all(len(one["RoleName"]) + 40 - len("orders-api") <= 64 for one in s.of_type("AWS::IAM::Role")),
        f"{DOCS}/IAM/latest/UserGuide/reference_iam-quotas.html",
    ),
]


@pytest.mark.parametrize("rule", RULES, ids=[name for name, _, _ in RULES])
def test_rule(rule: tuple[str, Callable[[Stacks], bool], str], both: list[Stacks]) -> None:
    name, holds, source = rule
    for stacks in both:
        assert holds(stacks), f"{name} ({stacks.environment}): {source}"


def test_the_environments_have_the_same_parameters(both: list[Stacks]) -> None:
    staging, production = both
    assert staging.given.keys() == production.given.keys()
    declared = set[str]()
    for stack in ("base", "instance"):
        declared |= load(staging.project / f"deploy/compose/{stack}.yml")["Parameters"].keys()
    assert declared == staging.given.keys() | {"AvailabilityZone"}


def test_the_processor_is_the_images(both: list[Stacks]) -> None:
    """Graviton's types have a `g` behind their generation: docs.aws.amazon.com/ec2/latest/instancetypes."""
    for stacks in both:
        arm = stacks.given["InstanceType"].split(".")[0].endswith("g")
        script = (stacks.project / "deploy/compose/aws.sh").read_text()
        assert f"/current/{'arm64' if arm else 'amd64'}/" in script
    assert {stacks.given["InstanceType"] for stacks in both} <= {"t3.small", "t4g.small"}


def every_action(both: list[Stacks]) -> Iterator[tuple[Stacks, str, list[str]]]:
    for stacks in both:
        for role in ("SnapshotRole", "InstanceRole", "DeployRole"):
            for statement in stacks.statements(role):
                assert statement["Effect"] == "Allow"
                for action in as_list(statement["Action"]):
                    yield stacks, action, as_list(statement["Resource"])


def test_each_action_exists_and_names_its_resource(both: list[Stacks]) -> None:
    """`*` for a resource stands where AWS's list has none for the action."""
    for _, action, targets in every_action(both):
        assert "*" not in action
        service, _, name = action.partition(":")
        known = {one.lower(): kinds for one, kinds in ACTIONS[service]["Actions"].items()}[name.lower()]
        narrower = set(known.get("Resources", [])) - {"dataset"}
        assert ("*" in targets) == (not narrower), f"{action} on {targets}: {narrower}"


def test_the_deploy_role_opens_a_session_of_ssh_to_its_machine_and_no_more(both: list[Stacks]) -> None:
    for stacks in both:
        start, own = stacks.statements("DeployRole")
        assert as_list(start["Action"]) == ["ssm:StartSession"]
        assert start["Resource"] == [
            "arn:aws:ec2:us-east-1:123456789012:instance/Instance",
            "arn:aws:ssm:us-east-1::document/AWS-StartSSHSession",
        ]
        # Without it, who names no document gets a shell: see the comment in the template
        assert start["Condition"] == {"BoolIfExists": {"ssm:SessionDocumentAccessCheck": "true"}}
        assert set(as_list(own["Action"])) == {"ssm:ResumeSession", "ssm:TerminateSession"}
        assert own["Resource"].endswith(":session/${!aws:userid}-*"), "its own sessions alone"
        library = (stacks.project / "deploy/compose/lib.sh").read_text()
        assert "--document-name AWS-StartSSHSession " in library


def test_snapshots_are_made_and_deleted_of_this_volume_alone(both: list[Stacks]) -> None:
    for stacks in both:
        conditions = {
            (action, resource.rpartition(":")[2]): statement.get("Condition")
            for statement in stacks.statements("SnapshotRole")
            for action in as_list(statement["Action"])
            for resource in as_list(statement["Resource"])
        }
        own = {"StringEquals": {"aws:ResourceTag/Name": f"{stacks.name}-data"}}
        assert conditions["ec2:CreateSnapshot", "volume/*"] == own
        assert conditions["ec2:DeleteSnapshot", "snapshot/*"] == own
        assert {action for action, _ in conditions} == {
            "ec2:CreateSnapshot", "ec2:CreateTags", "ec2:DeleteSnapshot", "ec2:DescribeInstances",
            "ec2:DescribeSnapshots", "ec2:DescribeVolumes",
        }  # fmt: skip


@pytest.mark.parametrize("environment", ACCOUNTS)
def test_who_may_take_the_deploy_role(both: list[Stacks], environment: str) -> None:
    (stacks,) = [one for one in both if one.environment == environment]
    policy = stacks["DeployRole"]["AssumeRolePolicyDocument"]
    repository, context = ORDERS["repository"], f"environment:{environment}"
    for ids in (False, True):
        assert admits(policy, token(repository, context, ids=ids))
        for other in ("ref:refs/heads/main", "pull_request", f"{context}2", "environment:preview"):
            assert not admits(policy, token(repository, other, ids=ids)), other
        assert not admits(policy, token(repository, context, ids=ids, ref="refs/heads/feature"))
    assert [who for who, job in strangers(repository, context).items() if admits(policy, job)] == []


@pytest.mark.parametrize("environment", ACCOUNTS)
def test_a_job_takes_the_role_of_its_environments_account(
    rendered: Callable[[Answers], Path], environment: str
) -> None:
    project = rendered(MACHINES[1])
    account, region = ACCOUNTS[environment]
    made = resolve(load(project / "deploy/compose/instance.yml"), IDS | {"Environment": environment}, AccountId=account)
    role = f"arn:aws:iam::{account}:role/{made['DeployRole']['Properties']['RoleName']}"
    pull = (f"arn:aws:iam::{PSEUDO['AccountId']}:role/orders-api-pull", "us-east-1")
    assert roles_taken(project, environment) == [pull, (role, region)] * 2
    assert "RepositoryPolicyText" not in (project / "deploy/ecr/registry.yml").read_text(), "nobody else pulls"

"""The scripts that make, replace and remove a machine on AWS, run against an account of moto's."""

import json
import re
from base64 import b64decode

import pytest

from tests.ecs.machine import NAME, Place, place  # noqa: F401 (a fixture)
from tests.support.aws import stacks
from tests.support.aws.cloudformation import load
from tests.support.github import GitHub
from tests.support.render import document


def follow(place: Place, heading: str, values: dict[str, str], block: int = 0) -> str:  # noqa: F811
    """What stands under a heading of deploy/README.md, command by command."""
    result = document.run(place.project, document.shell(place.project, heading, values, block), place.environment)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def refused(place: Place, code: int, *command: str) -> str:  # noqa: F811
    result = place.run(*command)
    assert result.returncode == code, result.stdout + result.stderr
    return result.stderr.strip().splitlines()[-1]


@pytest.fixture
def made(place: Place) -> Place:  # noqa: F811
    """Staging, with a machine, made without the script: quicker."""
    subnet = place.client("ec2").describe_subnets(SubnetIds=[place.parameters()["SubnetId"]])["Subnets"][0]
    place.change(ImageId=place.cloud.agent.image)
    place.make("base", "instance", AvailabilityZone=subnet["AvailabilityZone"])
    place.cloud.agent.unknown_for, place.cloud.agent.statuses = 0, ["Success"]
    return place


def snapshot(place: Place, name: str = f"{NAME}-data") -> str:  # noqa: F811
    """One as Data Lifecycle Manager makes it."""
    volume = place.output("base", "Data")
    tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "Name", "Value": name}]}]
    return str(place.client("ec2").create_snapshot(VolumeId=volume, TagSpecifications=tags)["SnapshotId"])


def test_a_machine_is_made_as_the_page_says(place: Place) -> None:  # noqa: F811
    said = follow(place, "Machine", {})
    machine = place.machine()
    assert place.parameters()["ImageId"] == machine["ImageId"] == place.cloud.agent.image
    assert [one["Name"] for one in place.cloud.agent.asked] == [
        "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"
    ]
    address = place.output("base", "Address")
    assert f"setup: point staging.orders-api.example.com to {address}\n" in said
    assert f"setup: subscribe to arn:aws:sns:us-east-1:123456789012:{NAME}-machine to be notified of alarms" in said
    assert f"DEPLOY_HOST is deploy@{machine['InstanceId']}\n" in said
    known = place.project / ".secrets/known_hosts"
    assert known.read_text() == f"{machine['InstanceId']} ssh-ed25519 AAAAC3Nza\n"
    ec2 = place.client("ec2")
    with pytest.raises(ec2.exceptions.ClientError, match="OperationNotPermitted"):  # nobody ends it by mistake
        ec2.terminate_instances(InstanceIds=[machine["InstanceId"]])
    # what GitHub gets then
    github = GitHub(place.home / "github")
    commands = document.shell(place.project, "Machine", {}, 1)
    result = document.run(place.project, commands, place.environment | github.environment)
    assert result.returncode == 0, result.stderr
    assert github.value("staging", "DEPLOY_HOST") == f"deploy@{machine['InstanceId']}"
    assert github.value("staging", "SSH_KNOWN_HOSTS").strip() == known.read_text().strip()
    # and what yours trusts, which the scripts ask for
    (place.home / ".ssh").mkdir()
    commands = document.shell(place.project, "Machine", {}, 2)
    result = document.run(place.project, commands, {"HOME": str(place.home)})
    assert (place.home / ".ssh/known_hosts").read_text() == known.read_text(), result.stderr


def test_the_machine_runs_the_rendered_prepare_host(made: Place) -> None:
    """All of it, with the key, in a form that Systems Manager does not read: to it, `{{…}}` is a parameter's name."""
    result = made.setup("setup.sh", "--docker", "group", "--window", "03:15")
    assert result.returncode == 0, result.stderr
    (command,) = made.cloud.agent.commands
    assert command["DocumentName"] == "AWS-RunShellScript"
    assert command["InstanceIds"] == [made.machine()["InstanceId"]]
    lines = command["Parameters"]["commands"]
    assert "{{" not in "".join(lines)
    sent = [b64decode(match).decode() for match in re.findall(r"^echo (\S+) \| base64", "\n".join(lines), re.MULTILINE)]
    assert sent == [(made.project / "deploy/compose/prepare-host.sh").read_text(), made.key.read_text()]
    assert lines[-1] == "bash $folder/prepare-host.sh --docker group --window 03:15 $folder/key.pub"
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-schemas-features.html: 64 KB
    assert len(json.dumps(command["Parameters"])) < 48_000


def test_it_stays_the_same_machine_when_a_newer_image_is_there(made: Place) -> None:
    """The newest image, asked for at each update, replaces it: https://github.com/restatedev/cdk/issues/100."""
    before = made.machine()
    made.cloud.agent.image = "ami-0abcdef1234567890"
    made.change(InstanceType="t3.medium")
    assert made.setup().returncode == 0
    assert made.machine()["InstanceId"] == before["InstanceId"]
    assert made.cloud.agent.asked == []
    text = (made.project / "deploy/compose/instance.yml").read_text()
    assert "AWS::SSM::Parameter" not in text
    assert "resolve:ssm" not in text


@pytest.mark.parametrize(
    ("name", "value"), [("ImageId", "ami-0abcdef1234567890"), ("DataSnapshotId", "snap-0123456789abcdef0")]
)
def test_no_parameter_replaces_a_machine_or_its_data(made: Place, name: str, value: str) -> None:
    before = made.machine()
    made.change(**{name: value})
    said = refused(made, 1, "setup.sh", "staging", str(made.key))
    assert f"{name} is" in said
    assert "run replace.sh" in said
    assert made.machine()["InstanceId"] == before["InstanceId"]
    assert not [call for call in made.cloud.calls if call.action == "cloudformation:CreateChangeSet"]


def test_a_subnet_of_another_zone_replaces_nothing(made: Place) -> None:
    ec2 = made.client("ec2")
    zone = made.machine()["Placement"]["AvailabilityZone"]
    other = next(one for one in ec2.describe_subnets()["Subnets"] if one["AvailabilityZone"] != zone)
    made.change(SubnetId=other["SubnetId"])
    assert "AvailabilityZone is" in refused(made, 1, "setup.sh", "staging", str(made.key))


def test_a_new_machine_has_the_address_and_the_data_of_the_old(made: Place) -> None:
    before, address, data = made.machine(), made.output("base", "Address"), made.output("base", "Data")
    said = follow(made, "Another machine", {".secrets/staging.pub": str(made.key)})
    after = made.machine()
    assert after["InstanceId"] != before["InstanceId"]
    assert made.output("base", "Address") == address
    assert after["NetworkInterfaces"][0]["NetworkInterfaceId"] == made.output("base", "Interface")
    assert volumes(made) == {data}
    assert f"{before['InstanceId']} ends: staging.orders-api.example.com is away" in said
    assert (made.project / ".secrets/known_hosts").read_text().startswith(after["InstanceId"])


def volumes(place: Place) -> set[str]:  # noqa: F811
    """What is attached to the machine beside its root."""
    machine = place.machine()
    return {one["Ebs"]["VolumeId"] for one in machine["BlockDeviceMappings"] if one["DeviceName"] == "/dev/sdf"}


def test_data_are_restored_from_a_snapshot_as_the_page_says(made: Place) -> None:
    taken, old = snapshot(made), made.output("base", "Data")
    made.cloud.agent.statuses = ["Success"]
    values = {"snap-…": taken, ".secrets/staging.pub": str(made.key)}
    said = follow(made, "Another machine", values, 1)
    assert taken in said.splitlines()[0], "the snapshots are listed first"
    new = made.output("base", "Data")
    assert new != old
    assert volumes(made) == {new}
    ec2 = made.client("ec2")
    (volume,) = ec2.describe_volumes(VolumeIds=[new])["Volumes"]
    assert volume["SnapshotId"] == taken
    assert volume["Encrypted"]
    assert ec2.describe_volumes(VolumeIds=[old])["Volumes"][0]["State"] == "available", "what was there before stays"
    assert f"the data of before stay on the volume {old}" in said
    # and the next setup leaves both as they are
    assert made.parameters()["DataSnapshotId"] == taken
    assert made.setup().returncode == 0
    assert volumes(made) == {new}


def test_only_a_snapshot_of_this_environment_is_restored(made: Place) -> None:
    before = made.machine()
    foreign = snapshot(made, "orders-api-production-data")
    for name, message in (
        (foreign, f"{foreign} is no complete snapshot of the data of staging"),
        ("snap-0123456789abcdef0", "there is no snapshot"),
    ):
        last = refused(made, 1, "replace.sh", "staging", "--snapshot", name, str(made.key))
        assert message in last
        assert "nothing was changed" in last
    assert made.machine()["InstanceId"] == before["InstanceId"]


def test_a_snapshot_that_would_make_no_other_volume_is_refused(made: Place) -> None:
    """CloudFormation makes one where the parameter changes: the same once more would restore nothing, in silence."""
    taken, before = snapshot(made), made.machine()
    made.change(DataSnapshotId=taken)
    made.client("cloudformation").update_stack(
        StackName=f"{NAME}-base", UsePreviousTemplate=True,
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value}
            for key, value in (made.parameters() | {"AvailabilityZone": "us-east-1a"}).items()
            if key in load(made.project / "deploy/compose/base.yml")["Parameters"]
        ],
    )  # fmt: skip
    last = refused(made, 1, "replace.sh", "staging", "--snapshot", taken, str(made.key))
    assert f"the data volume is made of {taken} already: where a restore was cut off, run setup.sh" in last
    assert made.machine()["InstanceId"] == before["InstanceId"]


def test_it_is_taken_down_as_the_page_says_and_its_data_stay(made: Place) -> None:
    data = made.output("base", "Data")
    said = follow(made, "Taking it down", {})
    ec2 = made.client("ec2")
    states = {one["State"]["Name"] for page in ec2.describe_instances()["Reservations"] for one in page["Instances"]}
    assert states == {"terminated"}
    # moto gives no address back when its stack goes; that nothing has it any more is seen
    assert [one["NetworkInterfaceId"] for one in ec2.describe_addresses()["Addresses"]] == [""]
    assert ec2.describe_volumes(VolumeIds=[data])["Volumes"][0]["State"] == "available"
    assert f"aws ec2 delete-volume --region us-east-1 --volume-id {data}\n" in said
    assert "there is nothing of staging" in refused(made, 1, "teardown.sh", "staging")


def test_a_machine_that_is_not_prepared_says_why(place: Place) -> None:  # noqa: F811
    place.cloud.agent.statuses, place.cloud.agent.errors = ["Failed"], "prepare-host: stopped at line 7"
    last = place.setup().stderr.splitlines()[-1]
    assert last == "setup: the machine was not prepared (Failed): prepare-host: stopped at line 7"
    assert not (place.project / ".secrets/known_hosts").exists()


def test_a_stack_that_fails_ends_it(place: Place) -> None:  # noqa: F811
    stacks.endings[f"{NAME}-base"] = ["ROLLBACK_COMPLETE"]
    assert place.setup().returncode == 1
    assert not place.cloud.agent.commands
    assert place.setup().returncode == 0, "what is left of it is cleared away"


BAD: list[tuple[tuple[str, ...], int, str]] = [
    (("setup.sh", "staging"), 2, "Usage: deploy/compose/setup.sh staging|production [OPTION VALUE]... PUBLIC_KEY_FILE"),
    (("setup.sh", "staging", "--alert", "KEY", "KEY"), 2, "Usage: "),
    (("setup.sh", "staging", "--docker", "group; reboot", "KEY"), 2, "Usage: "),
    (("setup.sh", "testing", "KEY"), 2, "there is no environment testing: use staging or production"),
    (("setup.sh", "staging", "/none"), 1, "/none is not a public key of SSH: give the file whose name ends in .pub"),
    (("replace.sh", "staging"), 2, "Usage: "),
    (("replace.sh", "staging", "--snapshot", "KEY"), 2, "Usage: "),
    (("replace.sh", "testing", "KEY"), 2, "there is no environment testing"),
    (("teardown.sh",), 2, "Usage: deploy/compose/teardown.sh staging|production"),
    (("teardown.sh", "testing"), 2, "there is no environment testing"),
]


@pytest.mark.parametrize(
    ("command", "code", "message"), BAD, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_bad_arguments_are_refused(place: Place, command: tuple[str, ...], code: int, message: str) -> None:  # noqa: F811
    assert message in refused(place, code, *(str(place.key) if one == "KEY" else one for one in command))
    assert not place.cloud.calls


CHANGES: list[tuple[dict[str, str], str]] = [
    ({"SubnetId": "subnet-00000000000000000"}, "still holds placeholder ids"),
    ({"RepositoryId": "0"}, "has no ids of the repository and its owner"),
    ({"SubnetId": "subnet-0123456789abcdef0"}, "AWS does not know SubnetId of"),
]


@pytest.mark.parametrize(("values", "message"), CHANGES, ids=lambda value: value if isinstance(value, str) else "")
def test_parameters_that_can_not_be_are_refused(place: Place, values: dict[str, str], message: str) -> None:  # noqa: F811
    place.change(**values)
    assert message in refused(place, 1, "setup.sh", "staging", str(place.key))
    assert not [call for call in place.cloud.calls if call.action.startswith("cloudformation:Create")]


def test_credentials_of_another_account_are_refused(place: Place) -> None:  # noqa: F811
    path = place.project / "deploy/compose/aws.sh"
    path.write_text(path.read_text().replace("account=123456789012", "account=222233334444"))
    for command in (("setup.sh", "staging", str(place.key)), ("teardown.sh", "staging")):
        assert "but these credentials are for 123456789012" in refused(place, 1, *command)
    assert {call.action for call in place.cloud.calls} == {"sts:GetCallerIdentity"}


def test_an_image_that_is_not_found_changes_nothing(made: Place) -> None:
    before = made.machine()
    made.cloud.agent.image = ""
    assert "AWS names no image of Ubuntu 24.04 in us-east-1" in refused(made, 1, "replace.sh", "staging", str(made.key))
    assert made.machine()["InstanceId"] == before["InstanceId"]
    assert made.parameters()["ImageId"] == before["ImageId"]

"""Lets moto make a machine and what it keeps, through the API of AWS as botocore has it; and plays an agent on it."""

import json
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from botocore.validate import ParamValidator

from tests.support.aws import resources
from tests.support.aws.cloud import MACHINE_IMAGE
from tests.support.aws.resources import Made, ask, client_of, fit
from tests.support.aws.stacks import sent

Properties = dict[str, Any]
Keep = dict[str, Any]


def tagged(kind: str, given: Properties) -> Properties:
    """The tags in the API's form: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TagSpecification.html."""
    tags = given.pop("Tags", [])
    return given | ({"TagSpecifications": [{"ResourceType": kind, "Tags": tags}]} if tags else {})


def instance(given: Properties, keep: Keep) -> tuple[str, dict[str, str]]:
    volumes = given.pop("Volumes")
    given |= {"MinCount": 1, "MaxCount": 1, "IamInstanceProfile": {"Name": given["IamInstanceProfile"]}}
    given["UserData"] = b64decode(given["UserData"]).decode()
    given["Monitoring"] = {"Enabled": given["Monitoring"]}
    (made,) = ask("ec2", "run_instances", tagged("instance", given), keep)["Instances"]
    for volume in volumes:
        ask("ec2", "attach_volume", volume | {"InstanceId": made["InstanceId"]}, {})
    return made["InstanceId"], {}


def volume(given: Properties, keep: Keep) -> tuple[str, dict[str, str]]:
    return ask("ec2", "create_volume", tagged("volume", given), keep)["VolumeId"], {}


def interface(given: Properties, keep: Keep) -> tuple[str, dict[str, str]]:
    given["Groups"] = given.pop("GroupSet")
    return ask("ec2", "create_network_interface", given, keep)["NetworkInterface"]["NetworkInterfaceId"], {}


def association(given: Properties, keep: Keep) -> tuple[str, dict[str, str]]:
    return ask("ec2", "associate_address", given, keep)["AssociationId"], {}


def snapshots(given: Properties, keep: Keep) -> tuple[str, dict[str, str]]:
    """Moto has no Data Lifecycle Manager: what it would be sent is held against its API."""
    shape = client_of("dlm", resources.endpoint).meta.service_model.operation_model("CreateLifecyclePolicy").input_shape
    request = fit(shape, given)
    found = ParamValidator().validate(request, shape)
    assert not found.has_errors(), found.generate_report()
    keep |= request
    return "policy-0123", {"Arn": "arn:aws:dlm:us-east-1:123456789012:policy/policy-0123"}


def end(name: str) -> None:
    """As CloudFormation does it: refused while the machine is protected."""
    ask("ec2", "terminate_instances", {"InstanceIds": [name]}, {})


# How each is made, what ends it, and which property makes CloudFormation replace it.
KINDS: dict[str, tuple[Callable[[Properties, Keep], tuple[str, dict[str, str]]], Callable[[str], None], str]] = {
    "AWS::EC2::Instance": (instance, end, "ImageId"),
    "AWS::EC2::Volume": (volume, lambda _: None, "SnapshotId"),
    "AWS::EC2::NetworkInterface": (
        interface,
        lambda name: ask("ec2", "delete_network_interface", {"NetworkInterfaceId": name}, {}),
        "SubnetId",
    ),
    "AWS::EC2::EIPAssociation": (
        association,
        lambda name: ask("ec2", "disassociate_address", {"AssociationId": name}, {}),
        "NetworkInterfaceId",
    ),
    "AWS::DLM::LifecyclePolicy": (snapshots, lambda _: None, ""),
}


class Piece(Made):
    """One resource; `kind` is its type, and `asked` what it was made of."""

    kind: ClassVar[str]
    asked: Properties
    logical_resource_id: str

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return attr == "Arn"

    @classmethod
    def make(cls, logical_id: str, given: dict[str, Any], *, change: bool, stack: str = "") -> "Piece":
        made = cls(*KINDS[cls.kind][0](json.loads(json.dumps(given)), sent.setdefault((cls.kind, logical_id), {})))
        made.asked = given
        return made

    @classmethod
    def update_from_cloudformation_json(
        cls, original_resource: Any, new_resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
    ) -> "Made":
        kept: Piece = original_resource
        given, decides = cloudformation_json["Properties"], KINDS[cls.kind][2]
        if kept.asked.get(decides) == given.get(decides):
            return kept
        return cls.make(kept.logical_resource_id, given, change=True)

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
    ) -> None:
        KINDS[cls.kind][1](resource_name)


@dataclass
class Agent:
    """The agent of Systems Manager on a machine, and Canonical's parameters, of which moto knows neither."""

    image: str = MACHINE_IMAGE  # nothing where the parameter is not there
    unknown_for: int = 1  # how often a command is refused, as while a machine starts
    statuses: list[str] = field(default_factory=lambda: ["Pending", "InProgress", "Success"])  # the last one stays
    output: str = "prepare-host: ready; its key: ssh-ed25519 AAAAC3Nza\n"
    errors: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)  # parameters that were asked for
    commands: list[dict[str, Any]] = field(default_factory=list)

    def handle(self, operation: str, body: str) -> tuple[int, dict[str, Any]]:
        request: dict[str, Any] = json.loads(body)
        if operation == "GetParameter":
            self.asked.append(request)
            if not self.image:
                return 400, {"__type": "ParameterNotFound", "message": ""}
            return 200, {"Parameter": {"Name": request["Name"], "Value": self.image}}
        if operation == "SendCommand":
            if self.unknown_for:
                self.unknown_for -= 1
                return 400, {"__type": "InvalidInstanceId", "message": "Instances not in a valid state for account"}
            self.commands.append(request)
            return 200, {"Command": {"CommandId": "12345678-1234-1234-1234-123456789012"}}
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        told = {"StandardOutputContent": self.output, "StandardErrorContent": self.errors}
        return 200, {"Status": status} | told


def register(models: dict[str, Any]) -> None:
    """Put these into moto's list, before its own."""
    for kind in KINDS:
        models[kind] = type(
            "Piece", (Piece,), {"kind": kind, "cloudformation_type": staticmethod(lambda kind=kind: kind)}
        )

"""A database on RDS and its secrets, as CloudFormation makes them: moto's makes the first in part, the second not."""

import json
from typing import Any, ClassVar

from moto.core.common_models import CloudFormationModel
from moto.rds.models import DBParameterGroup, rds_backends

delete_group = DBParameterGroup.delete


def delete_group_out_of_use(group: DBParameterGroup, account_id: str, region_name: str) -> None:
    """As RDS does it: refused while a database has it, so that a stack is deleted in the right order."""
    used = [one.db_parameter_group_name for one in rds_backends[account_id][region_name].databases.values()]
    assert group.name not in used, f"{group.name} is in use"
    delete_group(group, account_id, region_name)


class Kept(CloudFormationModel):
    """What an update of the stack leaves as it is; `kind` is its type."""

    kind: ClassVar[str]

    def __init__(self, physical_id: str, address: str = "") -> None:
        self.physical_resource_id = physical_id
        self.address = address

    @staticmethod
    def cloudformation_name_type() -> str:
        return ""

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return attr in {"Endpoint.Address", "Endpoint"}  # moto cuts at the second dot

    def get_cfn_attribute(self, attribute_name: str) -> str:
        return self.address

    @classmethod
    def update_from_cloudformation_json(cls, original_resource: "Kept", *_: Any, **__: Any) -> "Kept":
        return original_resource

    @classmethod
    def delete_from_cloudformation_json(cls, *_: Any, **__: Any) -> None:
        """Nothing is looked at after it is gone."""


class Database(Kept):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbinstance.html."""

    kind = "AWS::RDS::DBInstance"

    @staticmethod
    def cloudformation_type() -> str:
        return Database.kind

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **kwargs: Any
    ) -> "Database":
        from tests.support.aws.resources import ask  # noqa: PLC0415 - which imports this module

        properties = dict(cloudformation_json["Properties"])
        for name in ("DBParameterGroupName", "DBSubnetGroupName"):  # where moto puts in the thing itself
            properties[name] = properties[name].name
        properties["VpcSecurityGroupIds"] = properties.pop("VPCSecurityGroups")
        del properties["DeleteAutomatedBackups"]  # which is said when it is deleted
        made = ask("rds", "create_db_instance", properties, {})["DBInstance"]
        return cls(made["DBInstanceIdentifier"], made["Endpoint"]["Address"])

    @classmethod
    def delete_from_cloudformation_json(cls, resource_name: str, *_: Any, **__: Any) -> None:
        """As RDS does it: refused while the database is protected."""
        from tests.support.aws.resources import ask  # noqa: PLC0415

        ask("rds", "delete_db_instance", {
            "DBInstanceIdentifier": resource_name, "FinalDBSnapshotIdentifier": f"{resource_name}-final",
        }, {})  # fmt: skip


class Secret(Kept):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html."""

    kind = "AWS::SecretsManager::Secret"

    @staticmethod
    def cloudformation_type() -> str:
        return Secret.kind

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **kwargs: Any
    ) -> "Secret":
        from tests.support.aws.resources import ask  # noqa: PLC0415

        wanted = cloudformation_json["Properties"]["GenerateSecretString"]
        asked = {name: wanted[name] for name in ("PasswordLength", "ExcludePunctuation")}
        password = ask("secretsmanager", "get_random_password", asked, {})["RandomPassword"]
        content = json.loads(wanted["SecretStringTemplate"]) | {wanted["GenerateStringKey"]: password}
        request = {"Name": f"{kwargs['LogicalId']}-{resource_name}", "SecretString": json.dumps(content)}
        return cls(ask("secretsmanager", "create_secret", request, {})["ARN"])

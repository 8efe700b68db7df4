"""A function on Lambda, its versions and its alias, as CloudFormation makes them and the aws command asks for them.

moto publishes what is no new version, has no alias for CloudFormation, and would run a container for each invocation.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from tests.support.aws import proxies
from tests.support.aws.resources import ACCOUNT, REGION, Made, ask, fit_for
from tests.support.aws.stacks import sent

Properties = dict[str, Any]
URL = f"https://a1b2c3d4e5f6.lambda-url.{REGION}.on.aws/"
SECRET = re.compile(r"\{\{resolve:secretsmanager:(?P<arn>.+):SecretString:(?P<key>\w+)\}\}")
# Lambda's requests by method and path, and the operations that they are: https://docs.aws.amazon.com/lambda/latest/api/
OPERATIONS = {
    r"GET /2015-03-31/functions/[^/]+/configuration": "GetFunctionConfiguration",
    r"GET /2015-03-31/functions/[^/]+/versions": "ListVersionsByFunction",
    r"GET /2015-03-31/functions/[^/]+": "GetFunction",
    r"DELETE /2015-03-31/functions/[^/]+": "DeleteFunction",
    r"POST /2015-03-31/functions/[^/]+/invocations": "InvokeFunction",
}


def operation_of(method: str, path: str) -> str:
    return next((name for form, name in OPERATIONS.items() if re.fullmatch(form, f"{method} {path}")), "")


@dataclass
class Function:
    """What `$LATEST` is, and each version by its number, as the properties that they were made of."""

    latest: Properties
    versions: dict[str, Properties] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    shares: dict[str, float] = field(default_factory=dict)  # of another version than the alias's own, by its number
    last: int = 0
    raw: Properties = field(default_factory=dict)  # before secrets were put in

    def publish(self, description: str) -> str:
        """As Lambda does it: nothing new is no new version; CloudFormation then fails.

        https://github.com/serverless/serverless/issues/7822
        """
        newest = self.versions.get(str(self.last), {})
        changed = {name: value for name, value in newest.items() if name != "Description"} != self.latest
        assert changed, f"A version for this Lambda function exists ( {self.last} ). Modify the function"
        self.last += 1
        self.versions[str(self.last)] = self.latest | {"Description": description}
        return str(self.last)


@dataclass
class Lambda:
    """The functions of the account. `answer` says what a version answers at a path: a status, or nothing: a crash."""

    functions: dict[str, Function] = field(default_factory=dict)
    answer: Callable[[Properties, str], int | None] = lambda _version, _path: 200
    invoked: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)  # version, path, event
    on_move: Callable[["Function"], None] = lambda _: None  # when an alias has moved, or shares its traffic
    pending: int = 0  # how often a version says that it is not ready yet

    def handle(  # noqa: PLR0911 - one for each operation
        self, operation: str, path: str, query: dict[str, list[str]], body: str
    ) -> tuple[int, Any]:
        name = path.split("/")[3]
        function = self.functions.get(name)
        qualifier = query.get("Qualifier", ["$LATEST"])[0]
        number = function.aliases.get(qualifier, qualifier) if function else ""
        if not function or (number not in function.versions and number != "$LATEST"):
            return 404, {"__type": "ResourceNotFoundException", "Message": f"Function not found: {name}:{qualifier}"}
        if operation == "ListVersionsByFunction":
            found = [{"Version": one, "Description": made["Description"]} for one, made in function.versions.items()]
            return 200, {"Versions": [{"Version": "$LATEST", "Description": ""}, *found]}
        if operation == "DeleteFunction":
            assert number != "$LATEST", "the function itself"
            if number in function.aliases.values():
                return 409, {"__type": "ResourceConflictException", "Message": "an alias points to it"}
            del function.versions[number]
            return 204, {}
        made = function.versions.get(number, function.latest)
        if operation == "InvokeFunction":
            if self.pending:
                return 409, {"__type": "ResourceConflictException", "Message": "in the following state: Pending"}
            event = json.loads(body)
            self.invoked.append((number, event["rawPath"], event))
            status = self.answer(made, event["rawPath"])
            said: Properties = {"errorType": "Runtime.ExitError"} if status is None else {"statusCode": status}
            return 200, said
        if self.pending:
            self.pending -= 1
        state = {"Version": number, "State": "Pending" if self.pending else "Active"}
        if operation == "GetFunctionConfiguration":
            return 200, state
        return 200, {"Configuration": state, "Code": {"ImageUri": made["Code"]["ImageUri"]}}


account = Lambda()


def reset() -> Lambda:
    account.__init__()  # type: ignore[misc]
    return account


def with_secrets(node: Any) -> Any:
    """What CloudFormation puts in for a dynamic reference; the reference where there is no such secret."""
    if isinstance(node, dict):
        return {name: with_secrets(value) for name, value in node.items()}
    if isinstance(node, str) and (found := SECRET.fullmatch(node)):
        try:
            answer = ask("secretsmanager", "get_secret_value", {"SecretId": found["arn"]}, {})
        except ClientError:
            return node
        return json.loads(answer["SecretString"])[found["key"]]
    return node


def function(made: Properties, _: "Piece | None") -> tuple[str, dict[str, str]]:
    fit_for("lambda", "create_function", {name: made[name] for name in made if name != "ReservedConcurrentExecutions"})
    name = made["FunctionName"]
    there = account.functions.setdefault(name, Function({}))
    if (
        there.raw != made
    ):  # a secret alone is no change: https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/369
        there.raw, there.latest = made, with_secrets(made)
    return name, {"Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"}


def version(made: Properties, before: "Piece | None") -> tuple[str, dict[str, str]]:
    """Each of its properties makes CloudFormation replace it, and only these."""
    if before and before.asked == made:
        return before.physical_resource_id, before.attributes
    fit_for("lambda", "publish_version", {name: made[name] for name in ("FunctionName", "Description")})
    number = account.functions[made["FunctionName"]].publish(made["Description"])
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{made['FunctionName']}:{number}", {"Version": number}


def alias(made: Properties, _: "Piece | None") -> tuple[str, dict[str, str]]:
    fit_for("lambda", "create_alias", {name: made[name] for name in made if name != "RoutingConfig"})
    there = account.functions[made["FunctionName"]]
    assert made["FunctionVersion"] in there.versions, "an alias of a version that is not there"
    there.aliases[made["Name"]] = made["FunctionVersion"]
    weights = made.get("RoutingConfig", {}).get("AdditionalVersionWeights", [])
    assert len(weights) <= 1, "https://github.com/hashicorp/terraform-provider-aws/issues/44171"
    there.shares = {one["FunctionVersion"]: float(one["FunctionWeight"]) for one in weights}
    assert there.shares.keys() <= there.versions.keys() - {made["FunctionVersion"]}
    account.on_move(there)
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{made['FunctionName']}:{made['Name']}", {}


def mapping(made: Properties, _: "Piece | None") -> tuple[str, dict[str, str]]:
    fit_for("lambda", "create_event_source_mapping", made)
    assert made["FunctionName"] in account.functions
    return "mapping", {}


def url(made: Properties, before: "Piece | None") -> tuple[str, dict[str, str]]:
    """Its name is of AWS's making, and stays as long as the resource; the alias must be there before."""
    asked = {"FunctionName": made["TargetFunctionArn"]} | {n: made[n] for n in made if n != "TargetFunctionArn"}
    fit_for("lambda", "create_function_url_config", asked)
    assert made["Qualifier"] in account.functions[made["TargetFunctionArn"]].aliases, "an alias that is not there"
    if before:
        return before.physical_resource_id, before.attributes
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{made['TargetFunctionArn']}:{made['Qualifier']}"
    return arn, {"FunctionUrl": URL}


def permission(made: Properties, _: "Piece | None") -> tuple[str, dict[str, str]]:
    fit_for("lambda", "add_permission", made)
    return "permission", {}


KINDS: dict[str, Callable[[Properties, "Piece | None"], tuple[str, dict[str, str]]]] = {
    "AWS::Lambda::Function": function,
    "AWS::Lambda::Version": version,
    "AWS::Lambda::Alias": alias,
    "AWS::Lambda::EventSourceMapping": mapping,
    "AWS::Lambda::Permission": permission,
    "AWS::Lambda::Url": url,
    **proxies.KINDS,
}


class Piece(Made):
    """One resource; `kind` is its type, and `asked` what it was made of."""

    kind: ClassVar[str]
    asked: Properties
    logical_resource_id: str

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return attr in {"Arn", "Version", "FunctionUrl", "Endpoint"}

    @classmethod
    def make(
        cls, logical_id: str, given: Properties, *, change: bool, stack: str = "", before: "Piece | None" = None
    ) -> "Piece":
        copy = json.loads(json.dumps(given))
        made = cls(*KINDS[cls.kind](copy, before))
        made.asked = copy
        sent[cls.kind, logical_id] = copy
        return made

    @classmethod
    def update_from_cloudformation_json(
        cls, original_resource: Any, new_resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
    ) -> "Made":
        kept: Piece = original_resource
        return cls.make(kept.logical_resource_id, cloudformation_json["Properties"], change=True, before=kept)


def register(models: dict[str, Any]) -> None:
    """Put these into moto's list, before its own."""
    for kind in KINDS:
        models[kind] = type(
            "Piece", (Piece,), {"kind": kind, "cloudformation_type": staticmethod(lambda kind=kind: kind)}
        )

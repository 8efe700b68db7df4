"""Lets moto's CloudFormation make what it makes in part or not at all: through AWS's API, as botocore has it."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar

import boto3
from botocore.model import Shape
from moto.cloudformation import parsing
from moto.cloudformation.models import CloudFormationBackend
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.common_models import CloudFormationModel
from moto.logs.models import LogGroup
from moto.rds.models import DBParameterGroup

from tests.support.aws.databases import Database, Secret, delete_group_out_of_use
from tests.support.aws.stacks import endings, sent

# A resource of CloudFormation: its service, the calls that make and change it, and where the answer says its id.
CALLS: dict[str, tuple[str, str, str, tuple[str | int, ...]]] = {
    "AWS::ECS::TaskDefinition": ("ecs", "register_task_definition", "", ("taskDefinition", "taskDefinitionArn")),
    "AWS::ECS::Service": ("ecs", "create_service", "update_service", ("service", "serviceArn")),
    "AWS::CloudWatch::Alarm": ("cloudwatch", "put_metric_alarm", "", ()),
    "AWS::Logs::MetricFilter": ("logs", "put_metric_filter", "", ()),
    "AWS::SNS::TopicPolicy": ("sns", "set_topic_attributes", "", ()),
    "AWS::SQS::QueuePolicy": ("sqs", "set_queue_attributes", "", ()),
    "AWS::SNS::Subscription": ("sns", "subscribe", "", ("SubscriptionArn",)),
    "AWS::ApplicationAutoScaling::ScalableTarget": ("application-autoscaling", "register_scalable_target", "", ()),
    "AWS::ApplicationAutoScaling::ScalingPolicy": ("application-autoscaling", "put_scaling_policy", "", ("PolicyARN",)),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (
        "elbv2",
        "create_load_balancer",
        "",
        ("LoadBalancers", 0, "LoadBalancerArn"),
    ),
    "AWS::ElasticLoadBalancingV2::TargetGroup": (
        "elbv2",
        "create_target_group",
        "",
        ("TargetGroups", 0, "TargetGroupArn"),
    ),
    "AWS::ApiGatewayV2::Api": ("apigatewayv2", "create_api", "", ("ApiId",)),
    "AWS::ApiGatewayV2::Integration": ("apigatewayv2", "create_integration", "", ("IntegrationId",)),
    "AWS::ApiGatewayV2::Route": ("apigatewayv2", "create_route", "", ("RouteId",)),
    "AWS::ApiGatewayV2::Stage": ("apigatewayv2", "create_stage", "", ("StageName",)),
    "AWS::ApiGatewayV2::DomainName": ("apigatewayv2", "create_domain_name", "", ("DomainName",)),
    "AWS::ApiGatewayV2::ApiMapping": ("apigatewayv2", "create_api_mapping", "", ("ApiMappingId",)),
}
endpoint = ""
ACCOUNT, REGION = "123456789012", "us-east-1"


def fit(shape: Shape, value: Any) -> Any:
    """What CloudFormation was given, in the API's form: ECS's names start small, a number may come as text.

    Fails for a name that the API does not have.
    """
    kind: Any = shape
    if kind.type_name == "structure":
        names = {name.lower(): name for name in kind.members}
        return {names[name.lower()]: fit(kind.members[names[name.lower()]], inner) for name, inner in value.items()}
    if kind.type_name == "list":
        return [fit(kind.member, inner) for inner in value]
    if kind.type_name in {"integer", "long"}:
        return int(value)
    if kind.type_name == "double":
        return float(value)
    if kind.type_name == "boolean":
        return str(value).lower() == "true"
    return value


class Made(CloudFormationModel):
    """One resource; `kind` is its type."""

    kind: ClassVar[str]

    def __init__(self, physical_id: str, attributes: dict[str, str]) -> None:
        self.physical_resource_id = physical_id
        self.attributes = attributes

    @staticmethod
    def cloudformation_name_type() -> str:
        return ""

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return attr in {"Name", "DNSName", "LoadBalancerFullName", "TargetGroupFullName", "RegionalDomainName"}

    def get_cfn_attribute(self, attribute_name: str) -> str:
        return self.attributes[attribute_name]

    @classmethod
    def make(cls, logical_id: str, given: dict[str, Any], *, change: bool, stack: str = "") -> "Made":
        service, create, update, path = CALLS[cls.kind]
        properties = dict(given)
        if cls.kind in NAMED:  # as CloudFormation does for what has no name
            properties["Name"] = f"{logical_id[:20]}-{abs(hash(stack)) % 10**8}"
        if cls.kind.endswith("MetricFilter"):
            properties["FilterName"] = logical_id
        if cls.kind.endswith("TopicPolicy"):
            ((topic,), policy) = properties["Topics"], json.dumps(properties["PolicyDocument"])
            properties = {"TopicArn": topic, "AttributeName": "Policy", "AttributeValue": policy}
        if cls.kind.endswith("QueuePolicy"):
            rules = {"Policy": json.dumps(properties["PolicyDocument"])}
            for queue in properties["Queues"]:
                ask(service, create, {"QueueUrl": queue, "Attributes": rules}, {})
            return cls(logical_id, {})
        if target := properties.pop("ScalingTargetId", ""):
            properties["ResourceId"], properties["ScalableDimension"], properties["ServiceNamespace"] = target.split(
                "|"
            )
        attributes = [properties.pop(name) for name in list(properties) if name.endswith("Attributes")]
        call = update if change and update else create
        if call == "update_service":
            properties["Service"] = properties.pop("ServiceName")
            properties.pop("LaunchType")
        answer: Any = ask(service, call, properties, sent.setdefault((cls.kind, logical_id), {}))
        for step in path:
            answer = answer[step]
        if cls.kind in NAMED:
            ask(service, *NAMED[cls.kind](answer, *attributes), {})
            full = answer.partition("loadbalancer/")[2] or answer.rpartition(":")[2]
            names = dict.fromkeys(("LoadBalancerFullName", "TargetGroupFullName"), full)
            return cls(answer, names | {"DNSName": f"{properties['Name']}.{REGION}.elb.amazonaws.com"})
        if cls.kind.endswith("ScalableTarget"):  # as CloudFormation names it
            answer = "|".join(properties[name] for name in ("ResourceId", "ScalableDimension", "ServiceNamespace"))
        named_by = {"Alarm": "AlarmName", "MetricFilter": "FilterName", "TopicPolicy": "TopicArn"}
        if name := named_by.get(cls.kind.rpartition("::")[2]):
            answer = properties[name]
        gateway = f"d-{abs(hash(answer)) % 10**8}.execute-api.{REGION}.amazonaws.com"
        return cls(answer, {"Name": given.get("ServiceName", ""), "RegionalDomainName": gateway})

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **kwargs: Any
    ) -> "Made":
        return cls.make(kwargs["LogicalId"], cloudformation_json["Properties"], change=False, stack=kwargs["StackId"])

    @classmethod
    def update_from_cloudformation_json(
        cls, original_resource: Any, new_resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
    ) -> "Made":
        if cls.kind in NAMED or "::ApiGatewayV2::" in cls.kind:
            kept: Made = original_resource
            return kept
        return cls.make(original_resource.logical_resource_id, cloudformation_json["Properties"], change=True)

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
    ) -> None:
        """Nothing is looked at after it is gone."""


@cache
def client_of(service: str, url: str) -> Any:
    keys = {"aws_access_key_id": "cloudformation", "aws_secret_access_key": "cloudformation"}
    return boto3.client(service, REGION, endpoint_url=url, **keys)  # type: ignore[call-overload]


def ask(service: str, call: str, properties: dict[str, Any], keep: dict[str, Any]) -> Any:
    """Call the API, as CloudFormation would; what was sent is kept."""
    request = fit_for(service, call, properties)
    keep.clear()
    keep.update(request)
    return getattr(client_of(service, endpoint), call)(**request)


def fit_for(service: str, call: str, properties: dict[str, Any]) -> Any:
    """What a call of the API would be given; fails for a name that it does not have."""
    client = client_of(service, endpoint)
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[call])
    return fit(model.input_shape, properties)


# What CloudFormation names itself, and how its attributes are set afterwards.
NAMED: dict[str, Callable[..., tuple[str, dict[str, Any]]]] = {
    "AWS::ElasticLoadBalancingV2::LoadBalancer": lambda arn, attributes: (
        "modify_load_balancer_attributes",
        {"LoadBalancerArn": arn, "Attributes": attributes},
    ),
    "AWS::ElasticLoadBalancingV2::TargetGroup": lambda arn, attributes: (
        "modify_target_group_attributes",
        {"TargetGroupArn": arn, "Attributes": attributes},
    ),
}


def execute_change_set(backend: CloudFormationBackend, change_set_name: str, stack_name: str | None = None) -> None:
    """As moto does it, and what it leaves out: stacks that end badly, and the names that others import."""
    change = next(
        one for one in backend.change_sets.values() if change_set_name in {one.change_set_id, one.change_set_name}
    )
    stack = backend.stacks[change.stack_id]
    from tests.support.aws import functions, machines  # noqa: PLC0415 - which import this one

    if endings.get(stack.name):
        stack.status = endings[stack.name].pop(0)
        return
    stack.cross_stack_resources = stack.resource_map.cross_stack_resources = backend.exports
    of_moto(backend, change_set_name, stack_name)
    if change.change_set_type == "UPDATE":  # moto looks at the template alone, not at the parameters
        resources = stack.resource_map
        kinds = CALLS.keys() | machines.KINDS.keys() | functions.KINDS.keys()
        for name, content in resources._resource_json_map.items():
            if content["Type"] in kinds and name in resources._parsed_resources:
                made = parsing.parse_and_update_resource(name, content, resources, ACCOUNT, REGION)
                resources._parsed_resources[name] = made
    stack._parse_template()
    stack.parameters = change.parameters
    stack.output_map = stack._create_output_map()
    for export in stack.exports:
        backend.exports[export.name] = export


def create_change_set(backend: CloudFormationBackend, *arguments: Any, **settings: Any) -> tuple[str, str]:
    """As moto does it; but what changes nothing is, as with AWS, a change set that failed."""
    change_id, stack_id = create_of_moto(backend, *arguments, **settings)
    change, stack = backend.change_sets[change_id], backend.stacks[stack_id]
    for name, value in change.parameters.items():  # a list that stays as it was: moto has taken it apart already
        change.parameters[name] = ",".join(value) if isinstance(value, list) else value
    if (change.template, change.parameters) == (stack.template, stack.parameters):
        change.status, change.status_reason = "FAILED", "The submitted information didn't contain changes."
    return change_id, stack_id


of_moto = CloudFormationBackend.execute_change_set
create_of_moto = CloudFormationBackend.create_change_set


def register() -> None:
    """Put these in moto's list, before its own."""
    from tests.support.aws import functions, machines  # noqa: PLC0415 - which import this one

    for owner, name, mended in [
        (CloudFormationBackend, "execute_change_set", execute_change_set),
        (CloudFormationBackend, "create_change_set", create_change_set),
        (DBParameterGroup, "delete", delete_group_out_of_use),
        (CloudFormationResponse, "_validate_different_update", lambda *_: None),
        (
            LogGroup,
            "update_from_cloudformation_json",
            staticmethod(lambda original_resource, *_, **__: original_resource),
        ),
    ]:
        setattr(owner, name, mended)
    models = parsing.get_model_map()
    models |= {one.kind: one for one in (Database, Secret)}
    for kind in CALLS:
        models[kind] = type(
            "Made", (Made,), {"kind": kind, "cloudformation_type": staticmethod(lambda kind=kind: kind)}
        )
    machines.register(models)
    functions.register(models)

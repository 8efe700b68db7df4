"""Reads a template as CloudFormation does: short forms become long ones, parameters and conditions are put in."""

import json
import re
from pathlib import Path
from typing import Any

import yaml


class Loader(yaml.CSafeLoader):
    """Knows the short forms: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html."""


def _long_form(loader: Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


Loader.add_multi_constructor("!", _long_form)
NOTHING = object()
PSEUDO = {"Partition": "aws", "Region": "us-east-1", "AccountId": "123456789012"}


def load(path: Path) -> dict[str, Any]:
    template: dict[str, Any] = yaml.load(path.read_text(), Loader)  # noqa: S506 - a safe one
    return template


def parameters(project: Path, environment: str) -> dict[str, str]:
    content = json.loads((project / f"deploy/ecs/parameters/{environment}.json").read_text())
    given: dict[str, str] = content["Parameters"]
    return given


def resolve(template: dict[str, Any], given: dict[str, str], **pseudo: str) -> dict[str, dict[str, Any]]:
    """The resources with every parameter and condition put in.

    What only AWS knows stays readable: `LoadBalancer` for an id, `LoadBalancer.DNSName` for an attribute, and the
    export's name for what another stack exports. `pseudo`: other values of `Region`, `AccountId` or `Partition`.
    """
    declared = template.get("Parameters", {})
    values = {name: given.get(name, str(one.get("Default", f"<{name}>"))) for name, one in declared.items()}

    def put(node: Any) -> Any:  # noqa: PLR0911 - one for each function
        if isinstance(node, list):
            return [one for one in map(put, node) if one is not NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((name, value),) = node.items()
            if name == "Ref":
                return ref(value)
            if name == "Fn::GetAtt":
                return value if isinstance(value, str) else ".".join(value)
            if name == "Fn::ImportValue":
                return put(value)
            if name == "Fn::Sub":
                text, extra = (value, {}) if isinstance(value, str) else (value[0], put(value[1]))
                return re.sub(r"\$\{([\w:.]+)\}", lambda found: str(extra.get(found[1], ref(found[1]))), text)
            if name == "Fn::Split":
                return str(put(value[1])).split(value[0])
            if name == "Fn::Select":
                return put(value[1])[int(value[0])]
            if name == "Fn::If":
                return put(value[1] if holds(template["Conditions"][value[0]]) else value[2])
        return {key: new for key, new in ((key, put(one)) for key, one in node.items()) if new is not NOTHING}

    def ref(name: str) -> Any:
        if name == "AWS::NoValue":
            return NOTHING
        if name.startswith("AWS::"):
            return (PSEUDO | pseudo)[name.removeprefix("AWS::")]
        if declared.get(name, {}).get("Type", "").startswith("List<"):
            return values[name].split(",")
        return values.get(name, name)

    def holds(condition: dict[str, Any]) -> bool:
        ((name, value),) = condition.items()
        if name == "Fn::Not":
            return not holds(value[0])
        assert name == "Fn::Equals"
        return bool(put(value[0]) == put(value[1]))

    return {
        name: put(resource)
        for name, resource in template["Resources"].items()
        if "Condition" not in resource or holds(template["Conditions"][resource["Condition"]])
    }

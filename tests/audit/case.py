"""Reads the tables of cases: what a rule must find, what keeps it, and what it has nothing to say of."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.paths import ROOT

CASES = ROOT / "tests/audit/cases"
KINDS = ("fires", "kept", "silent")


@dataclass(frozen=True)
class Case:
    """A repository of one file or a few, and the line where the finding must be; 0 for any."""

    rule: str
    kind: str
    number: int
    files: dict[str, str]
    line: int

    def write(self, folder: Path) -> Path:
        for name, text in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        return folder


def cases() -> Iterator[Case]:
    for path in sorted(CASES.glob("*.yml")):
        for rule, kinds in yaml.safe_load(path.read_text()).items():
            assert set(kinds) <= set(KINDS), f"{rule}: {set(kinds)}"
            for kind, given in kinds.items():
                for number, one in enumerate(given):
                    line = one.pop("line", 0) if isinstance(one, dict) else 0
                    yield Case(rule, kind, number, files(path.stem, one), line)


def files(table: str, given: Any) -> dict[str, str]:
    """The files of a case; the head of each table says how it is written."""
    if isinstance(given, str):
        return {"Dockerfile": given + "\n"}
    given = {"on" if name is True else name: value for name, value in given.items()}  # YAML 1.1 takes `on` for true
    if any("." in name or name.endswith("Dockerfile") for name in given):
        return {name: text + "\n" for name, text in given.items()}
    name, data = {"compose": compose, "actions": actions, "kubernetes": kubernetes, "cfn": stack}[table](given)
    return {name: yaml.safe_dump_all(data, sort_keys=False)}


def compose(given: dict[str, Any]) -> tuple[str, list[Any]]:
    return "compose.yaml", [{"services": {"app": given}}]


def actions(given: dict[str, Any]) -> tuple[str, list[Any]]:
    if "workflow" not in given:
        given = {"workflow": {"on": given.get("on", "push"), "jobs": {"a": given.get("job", given)}}}
    workflow = {"on" if name is True else name: value for name, value in given["workflow"].items()}
    return ".github/workflows/ci.yml", [workflow]


def kubernetes(given: dict[str, Any]) -> tuple[str, list[Any]]:
    if "objects" in given:
        return "deploy/app.yml", given["objects"]
    pod = given.get("pod") or {"containers": [{"name": "app", "image": "a:1"} | given]}
    deployment = {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "app"}, "spec": {"template": {"spec": pod}}
    }  # fmt: skip
    return "deploy/app.yml", [deployment]


def stack(given: dict[str, Any]) -> tuple[str, list[Any]]:
    return "stack.yml", [{"Resources": given.get("resources") or {"R": given}}]

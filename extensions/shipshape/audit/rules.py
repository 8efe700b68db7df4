"""The rules, as rules.yml has them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Literal

import yaml

Severity = Literal["error", "warning", "note"]
# What the part of an id before the first dash stands for.
AREAS = {
    "docker": "Dockerfile",
    "ignore": ".dockerignore",
    "compose": "Compose",
    "actions": "GitHub Actions",
    "kubernetes": "Kubernetes",
    "cfn": "CloudFormation",
    "repository": "Repository",
}


@dataclass(frozen=True)
class Rule:
    """A row of rules.yml, whose head says what each value means."""

    id: str
    title: str
    why: str
    mend: str
    source: str
    severity: Severity
    weight: int
    same: list[str] = field(default_factory=list)

    @property
    def area(self) -> str:
        """The kind of file that it is about."""
        return AREAS[self.id.partition("-")[0]]


@cache
def rules() -> dict[str, Rule]:
    """Each rule by its id, in the order of the file."""
    text = files(__package__).joinpath("rules.yml").read_text(encoding="utf-8")
    return {name: Rule(name, **row) for name, row in yaml.safe_load(text).items()}


@cache
def same() -> dict[str, list[str]]:
    """What a linter calls a finding (`hadolint/DL3002`) to the rules that say the same."""
    found: dict[str, list[str]] = {}
    for rule in rules().values():
        for name in rule.same:
            found.setdefault(name, []).append(rule.id)
    return found

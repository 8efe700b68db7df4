"""What the detectors hand over: a fact, its value, where it stands, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Literal

Certainty = Literal["stated", "derived", "guess"]


def unless(guess: object, certainty: Certainty = "derived") -> Certainty:
    """How sure a finding is: a guess if there is a reason for that."""
    return "guess" if guess else certainty


class Rank(IntEnum):
    """Where a finding comes from; of two for one fact, the lower rank decides (../../../docs/adopt-tool.md)."""

    CONTAINER = 1  # their Dockerfile or Compose file
    PROCESS = 2  # Procfile, version file, configuration of a platform
    MANIFEST = 3
    CONFIG = 4  # configuration files of the service, workflows
    SOURCE = 5
    FRAMEWORK = 6  # what a framework does by default: always a guess


@dataclass(frozen=True)
class Finding:
    """One fact, named as the template's question where there is one.

    `path` is relative to the service's folder and `line` counts from 1; 0 stands for the whole file, and an empty path
    for a finding that no file states.
    """

    fact: str
    value: Any
    path: str
    line: int
    certainty: Certainty
    rank: Rank
    note: str = ""

    @property
    def place(self) -> str:
        """`path:line`, or the path alone."""
        return f"{self.path}:{self.line}" if self.line else self.path


@dataclass(frozen=True)
class Refusal:
    """Why the service can't be adopted as it is: a short name of the reason, and one line for its owner."""

    reason: str
    message: str


@dataclass
class Report:
    """All that was read of one service.

    `facts` holds the finding that decides each fact; `others` the findings with another value that it outweighed;
    `notes` what its owner should know, one line each; `unread` the files that could not be read, with the reason.
    """

    facts: dict[str, Finding] = field(default_factory=dict)
    others: dict[str, list[Finding]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)

    def value(self, fact: str, default: Any = None) -> Any:
        """What was decided for a fact, or the default."""
        return self.facts[fact].value if fact in self.facts else default

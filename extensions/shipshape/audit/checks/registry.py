"""Every check by the id of its rule in rules.yml."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ..model import Repository


@dataclass(frozen=True)
class Verdict:
    """One thing that a rule is about, and its place; `fault` says how it breaks the rule, empty where it keeps it."""

    path: str
    line: int
    fault: str = ""


class Subject(Protocol):
    """What a check looks at: a part of a file."""

    @property
    def path(self) -> str:
        """The file."""


S = TypeVar("S", bound=Subject)
Judged = Iterator[
    tuple[int, str]
]  # line and fault, which is empty where the rule is kept; nothing where it says nothing
CHECKS: dict[str, Callable[[Repository], Iterator[Verdict]]] = {}


def each(
    subjects: Callable[[Repository], Iterable[S]],
) -> Callable[[str], Callable[[Callable[[S], Judged]], Callable[[S], Judged]]]:
    """Make the decorator of checks that look at each of these subjects, alone."""

    def named(rule: str) -> Callable[[Callable[[S], Judged]], Callable[[S], Judged]]:
        def register(check: Callable[[S], Judged]) -> Callable[[S], Judged]:
            def run(repository: Repository) -> Iterator[Verdict]:
                for subject in subjects(repository):
                    for line, fault in check(subject):
                        yield Verdict(subject.path, line, fault)

            CHECKS[rule] = run
            return check

        return register

    return named


def over(rule: str) -> Callable[[Callable[[Repository], Iterator[Verdict]]], Callable[[Repository], Iterator[Verdict]]]:
    """Register a check that looks at the whole repository."""

    def register(check: Callable[[Repository], Iterator[Verdict]]) -> Callable[[Repository], Iterator[Verdict]]:
        CHECKS[rule] = check
        return check

    return register


def fault(broken: object, text: str) -> str:
    """The text where something is broken."""
    return text if broken else ""

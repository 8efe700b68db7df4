"""What an audit finds, and the score that is made of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from .checks import Verdict
from .files import Notice
from .rules import Rule, Severity, rules


@dataclass(frozen=True)
class Finding:
    """A rule that is broken, at a place; `reason` is given where it is accepted.

    `rule` is None for what only a linter says; `name` is the rule's id, or `hadolint/DL3008`. `also` has the linters
    that say the same of this file.
    """

    name: str
    path: str
    line: int
    text: str
    severity: Severity
    rule: Rule | None = None
    reason: str = ""
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Share:
    """How a rule is kept: of `judged` things it is about, `kept` keep it, or are accepted."""

    rule: Rule
    judged: int
    kept: int

    @property
    def points(self) -> float:
        """Of its weight."""
        return self.rule.weight * self.kept / self.judged


@dataclass(frozen=True)
class Report:
    """All that an audit says; findings by file and line, and how each rule is kept that had to judge something."""

    findings: list[Finding]
    shares: list[Share]
    notices: list[Notice] = field(default_factory=list)
    linters: dict[str, str] = field(default_factory=dict)  # name to its version, or to why it did not say anything

    @property
    def open(self) -> list[Finding]:
        """Those that nobody has accepted."""
        return [finding for finding in self.findings if not finding.reason]

    @property
    def score(self) -> int | None:
        """0 to 100, rounded down: the points reached, of those that could be; None where nothing was judged."""
        possible = sum(share.rule.weight for share in self.shares)
        # the small number is for sums of thirds
        return int(100 * sum(share.points for share in self.shares) / possible + 1e-9) if possible else None


def of(verdicts: dict[str, list[Verdict]]) -> list[Finding]:
    """The broken ones as findings, each place of a rule once."""
    found = {}
    for name, listed in verdicts.items():
        rule = rules()[name]
        for one in listed:
            if one.fault:
                key = (name, one.path, one.line, one.fault)
                found[key] = Finding(name, one.path, one.line, one.fault, rule.severity, rule)
    return sorted(found.values(), key=lambda one: (one.path, one.line, one.name))


def shares(verdicts: dict[str, list[Verdict]], findings: list[Finding]) -> list[Share]:
    """How each rule is kept; what is accepted counts as kept."""
    accepted = {(one.name, one.path, one.line) for one in findings if one.reason}
    broken: dict[str, int] = defaultdict(int)
    for name, listed in verdicts.items():
        for one in listed:
            broken[name] += bool(one.fault) and (name, one.path, one.line) not in accepted
    return [
        Share(rule, len(verdicts[name]), len(verdicts[name]) - broken[name])
        for name, rule in rules().items()
        if verdicts.get(name)
    ]

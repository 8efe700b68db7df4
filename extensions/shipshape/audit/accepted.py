"""`.shipshape.yml`: which findings somebody has accepted, and why."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from .files import Files, Notice
from .lines import Map, Seq, UnreadableError, load
from .report import Finding
from .rules import rules

NAME = ".shipshape.yml"
LINTERS = ("hadolint", "actionlint", "zizmor", "kubeconform")
_KEYS = {"rule", "path", "reason"}


class AcceptedError(Exception):
    """The file says something that can't be; one line with its place and what was expected."""


@dataclass(frozen=True)
class Accepted:
    """A rule that need not be kept, in the files that the pattern fits; empty for all."""

    line: int
    rule: str
    path: str
    reason: str

    def fits(self, finding: Finding) -> bool:
        """Whether it is about this finding."""
        return self.rule == finding.name and (not self.path or PurePosixPath(finding.path).match(self.path))


def read(files: Files) -> list[Accepted]:
    """What the repository accepts; raises AcceptedError."""
    if NAME not in files.known:
        return []
    try:
        documents = load(files.text(NAME))
    except UnreadableError as error:
        raise AcceptedError(f"{NAME}: {error}") from error
    data = documents[0] if documents else Map()
    if not isinstance(data, Map) or not isinstance(data.get("accept", Seq()), Seq) or data.keys() - {"accept"}:
        raise AcceptedError(f"{NAME}: expected `accept:` with a list of rules, and nothing else")
    listed = data.get("accept", Seq())
    return [_entry(one, line) for one, line in zip(listed, listed.lines, strict=True)]


def _entry(one: object, line: int) -> Accepted:
    place = f"{NAME}:{line}"
    if not isinstance(one, Map) or "rule" not in one or one.keys() - _KEYS:
        raise AcceptedError(f"{place}: expected `rule`, `reason` and perhaps `path`")
    rule, reason = str(one["rule"]), str(one.get("reason") or "").strip()
    if rule not in rules() and not re.fullmatch(rf"({'|'.join(LINTERS)})/\S+", rule):
        raise AcceptedError(f"{place}: there is no rule {rule}: docs/audit.md lists them")
    if not reason:
        raise AcceptedError(f"{place}: {rule} has no `reason`: say why it is accepted")
    return Accepted(line, rule, str(one.get("path") or ""), reason)


def apply(findings: list[Finding], accepted: list[Accepted]) -> list[Finding]:
    """The same findings, those that are accepted with their reason."""
    return [
        replace(finding, reason=next((one.reason for one in accepted if one.fits(finding)), "")) for finding in findings
    ]


def stale(findings: list[Finding], accepted: list[Accepted], silent: set[str]) -> list[Notice]:
    """What is accepted and not found any more; of a linter that did not run nobody knows."""
    return [
        Notice(
            NAME,
            f"accepts {one.rule}{f' in {one.path}' if one.path else ''}, which is not found: take it out",
            one.line,
        )
        for one in accepted
        if one.rule.partition("/")[0] not in silent and not any(one.fits(finding) for finding in findings)
    ]

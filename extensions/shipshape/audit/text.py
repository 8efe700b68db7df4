"""The report for people, and for programs as JSON."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from itertools import groupby
from typing import Any, Protocol, TextIO

from rich.console import Console
from rich.text import Text

from .report import Finding, Report
from .rules import AREAS, Severity

STYLES: dict[Severity, str] = {"error": "bold red", "warning": "yellow", "note": "cyan"}
LONGEST = 300
PLACES = 6  # lines of one finding that are named; the rest is counted


class Line(Protocol):
    """Prints a line of texts, each perhaps with its style."""

    def __call__(self, *parts: str | tuple[str, str]) -> None:
        """Print them."""


def plain(text: str) -> str:
    """A text on one line, without what a terminal would obey; what is very long is cut."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text)
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}…"


def show(report: Report, threshold: int, out: TextIO) -> None:
    """Print the findings by file, then the score and how it is made."""
    console = Console(file=out, highlight=False, soft_wrap=True)

    def line(*parts: str | tuple[str, str]) -> None:
        console.print(
            Text.assemble(*((plain(part[0]), part[1]) if isinstance(part, tuple) else plain(part) for part in parts))
        )

    for path, findings in groupby(report.open, key=lambda one: one.path):
        line((path, "bold"))
        by_name: dict[str, list[Finding]] = defaultdict(list)
        for finding in findings:
            by_name[finding.name].append(finding)
        for listed in by_name.values():
            _finding(line, listed)
        line("")
    for notice in report.notices:
        place = f"{notice.path}:{notice.line}" if notice.line else notice.path
        line((f"{place}: {notice.text}", "dim"))
    if absent := [f"{name} ({why})" for name, why in report.linters.items() if why != "ran"]:
        line((f"Linters that said nothing: {', '.join(absent)}", "dim"))
    _score(line, report, threshold)


def _finding(line: Line, listed: list[Finding]) -> None:
    first = listed[0]
    also = f", also {', '.join(first.also)}" if first.also else ""
    line("  ", (first.severity, STYLES[first.severity]), f" {first.name}{also}")
    if first.rule:
        line(f"    {first.rule.title}. {first.rule.why}")
    for one in listed[:PLACES]:
        line(f"    {one.path}:{one.line}: {one.text}")
    if len(listed) > PLACES:
        line(f"    and {len(listed) - PLACES} more: --format json lists all")
    if first.rule:
        line(f"    Mend: {first.rule.mend}")
        line((f"    {first.rule.source}", "dim"))


def _score(line: Line, report: Report, threshold: int) -> None:
    areas: dict[str, list[float]] = {}
    for share in report.shares:
        row = areas.setdefault(share.rule.area, [0.0, 0.0])
        row[0] += share.points
        row[1] += share.rule.weight
    made = ", ".join(
        f"{area} {_points(areas[area][0])}/{areas[area][1]:.0f}" for area in AREAS.values() if area in areas
    )
    verdict = f", below the {threshold} that were asked for" if (report.score or 0) < threshold else ""
    line((f"Score: {report.score} of 100{verdict}", "bold"))
    line(f"  the weight of each rule, times the share of places that keep it: {made}")
    counts = Counter(one.severity for one in report.open if one.rule)
    said = ", ".join(f"{counts[level]} {level}{'s' if counts[level] != 1 else ''}" for level in STYLES)
    accepted = sum(1 for one in report.findings if one.reason)
    others = sum(1 for one in report.open if not one.rule)
    more = f"; {others} of linters, which do not count" if others else ""
    line(f"  {said}{more}{f'; {accepted} accepted' if accepted else ''}")


def _points(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def as_json(report: Report, threshold: int, out: TextIO) -> None:
    """Print all that was found; docs/audit.md says what each member is."""
    data = {
        "score": report.score,
        "threshold": threshold,
        "findings": [_row(finding) for finding in report.findings],
        "rules": [
            {"rule": one.rule.id, "weight": one.rule.weight, "judged": one.judged, "kept": one.kept}
            for one in report.shares
        ],
        "notices": [{"path": one.path, "line": one.line, "text": one.text} for one in report.notices],
        "linters": report.linters,
    }
    json.dump(data, out, indent=2)
    out.write("\n")


def _row(finding: Finding) -> dict[str, Any]:
    row: dict[str, Any] = {
        "rule": finding.name, "path": finding.path, "line": finding.line, "severity": finding.severity,
        "text": finding.text, "also": list(finding.also), "accepted": finding.reason or None,
    }  # fmt: skip
    if finding.rule:
        row |= {name: getattr(finding.rule, name) for name in ("title", "why", "mend", "source")}
    return row

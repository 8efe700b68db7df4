"""Shows what was read: a table for people, JSON for programs."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..detect import Finding, Refusal, Report
from .answers import Answer

_STYLES = {"stated": "green", "derived": "cyan", "guess": "yellow", "none found": "dim", "gap": "red"}


def table(console: Console, report: Report, found: list[Answer]) -> None:
    """Each answer with its value, where it comes from, and how sure it is; then what else its owner should know."""
    columns = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("fact", "value", "from", "certainty"):
        columns.add_column(name, overflow="fold")
    for answer in found:
        certainty = _certainty(answer)
        note = f"; {answer.finding.note}" if answer.finding and answer.finding.note else ""
        # Text, not markup: a value is what the repository says.
        columns.add_row(
            answer.name,
            Text(printable(shown(answer.value))),
            Text(printable(answer.finding.place if answer.finding else "")),
            Text(f"{certainty}{printable(note)}", style=_STYLES[certainty]),
        )
    console.print(columns)
    needs = report.others.get("needs", [])
    if needs:
        text = ", ".join(f"{one.value} ({one.place})" for one in needs)
        console.print(Text(printable(f"needs: {text}")), soft_wrap=True)
    for note in report.notes:
        console.print(Text(printable(f"note: {note}")), soft_wrap=True)


def written(console: Console, new: list[str], kept: list[str], replaced: list[str]) -> None:
    """What is new, what stays theirs and what is replaced."""
    columns = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("file", ""):
        columns.add_column(name, overflow="fold")
    for state, paths, style in (("replaced", replaced, "yellow"), ("yours", kept, "green"), ("new", new, "cyan")):
        for path in paths:
            columns.add_row(Text(printable(path)), Text(state, style=style))
    console.print(columns)


def printable_lines(text: str) -> str:
    """Several lines, each without control characters."""
    return "\n".join(printable(line) for line in text.replace("\t", "    ").split("\n"))


def document(report: Report, found: list[Answer], refused: Refusal | None) -> str:
    """The same as JSON: `facts`, `answers`, `open` (what must be asked), `others`, `notes`, `unread`, `refusal`."""
    data: dict[str, Any] = {
        "facts": {name: _entry(one) for name, one in report.facts.items()},
        "answers": {answer.name: answer.value for answer in found if answer.value is not None},
        "open": [answer.name for answer in found if answer.open],
        "others": {name: [_entry(one) for one in several] for name, several in report.others.items()},
        "notes": report.notes,
        "unread": report.unread,
        "refusal": {"reason": refused.reason, "message": refused.message} if refused else None,
    }
    return json.dumps(data, indent=2, default=str, ensure_ascii=True)


def shown(value: Any) -> str:
    """A value as a person reads it; what is empty, as `(none)`."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(one) for one in value) or "(none)"
    return "(nothing known)" if value is None else str(value) or "(none)"


def printable(text: str) -> str:
    """Without control characters, with which a file's name or content could write elsewhere on a terminal."""
    clean = "".join(char if char.isprintable() or char == " " else "\N{REPLACEMENT CHARACTER}" for char in text)
    return clean if len(clean) <= 400 else f"{clean[:400]}..."


def _certainty(answer: Answer) -> str:
    if answer.value is None:
        return "gap"
    return answer.finding.certainty if answer.finding else "none found"


def _entry(one: Finding) -> dict[str, Any]:
    entry = {"value": one.value, "path": one.path, "line": one.line, "certainty": one.certainty, "note": one.note}
    return {name: value for name, value in entry.items() if value not in ("", 0) or name == "value"}

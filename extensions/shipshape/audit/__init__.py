"""Judges a repository as it is, by the rules that our own renderings keep."""

from __future__ import annotations

from pathlib import Path

from . import accepted, linters, report
from .checks import CHECKS, Verdict
from .report import Report
from .repository import look
from .rules import rules

__all__ = ["Report", "audit"]


def audit(root: Path, *, with_linters: bool = True) -> Report:
    """Read the repository and judge it; runs nothing of it, writes nothing.

    Raises RepositoryError for a folder that is none or is too large, and AcceptedError for a bad `.shipshape.yml`.
    """
    found, files = look(root)
    given = accepted.read(files)
    verdicts: dict[str, list[Verdict]] = {name: list(CHECKS[name](found)) for name in rules()}
    others, state = linters.run(found, files, with_linters)
    findings = accepted.apply(linters.merge(report.of(verdicts), others), given)
    silent = {name for name in accepted.LINTERS if state.get(name) != "ran"}
    notices = [*dict.fromkeys([*files.notices, *accepted.stale(findings, given, silent)])]
    return Report(findings, report.shares(verdicts, findings), notices, state)

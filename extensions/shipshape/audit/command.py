"""`shipshape audit`: what it prints, and its exit codes."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path

from . import audit
from .accepted import AcceptedError
from .files import RepositoryError
from .sarif import as_sarif
from .text import as_json, plain, show

NOTHING = "nothing to judge: expected a Dockerfile, a Compose file, GitHub's workflows, manifests or CloudFormation"


class Format(StrEnum):
    """Of the report."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


def judge(folder: Path, form: Format, threshold: int, *, with_linters: bool = True) -> int:
    """Print the report; returns the exit code: 0; 1 where the score is below the threshold; 2 for bad input."""
    try:
        report = audit(folder, with_linters=with_linters)
    except (RepositoryError, AcceptedError) as error:
        print(f"shipshape: {plain(str(error))}", file=sys.stderr)
        return 2
    if report.score is None:
        for notice in report.notices:
            print(f"shipshape: {plain(notice.path)}: {plain(notice.text)}", file=sys.stderr)
        print(f"shipshape: {folder}: {NOTHING}", file=sys.stderr)
        return 2
    if form is Format.TEXT:
        show(report, threshold, sys.stdout)
    elif form is Format.JSON:
        as_json(report, threshold, sys.stdout)
    else:
        as_sarif(report, sys.stdout)
    return 1 if report.score < threshold else 0

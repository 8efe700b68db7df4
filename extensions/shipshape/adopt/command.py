"""The command `shipshape adopt`."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console

from ..detect import detect
from . import refuse, show
from .answers import answers


def adopt(folder: Path, *, dry_run: bool, as_json: bool) -> int:
    """Read the service in a folder and show what was found; the exit code is that of the reason why it is refused."""
    if not folder.is_dir():
        print(
            f"shipshape: {show.printable(str(folder))} is no folder: name the one that has the service", file=sys.stderr
        )
        return refuse.EXIT_CODES["usage"]
    report = detect(folder, lambda line: print(f"shipshape: {line}", file=sys.stderr))
    refused = refuse.refusal(folder, report)
    found = answers(report) if "language" in report.facts else []
    if as_json:
        print(show.document(report, found, refused))
    elif found:
        show.table(Console(width=None if sys.stdout.isatty() else 160), report, found)
    if refused:
        print(f"shipshape: {show.printable(refused.message)}", file=sys.stderr)
        return refuse.EXIT_CODES[refused.reason]
    if not dry_run:
        print("shipshape: only --dry-run is there yet", file=sys.stderr)
        return refuse.EXIT_CODES["usage"]
    return 0

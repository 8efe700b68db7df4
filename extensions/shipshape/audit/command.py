"""`shipshape audit`: its options and exit codes."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from . import audit
from .accepted import AcceptedError
from .files import RepositoryError
from .sarif import as_sarif
from .text import as_json, plain, show

NOTHING = "nothing to judge: expected a Dockerfile, a Compose file, GitHub's workflows, manifests or CloudFormation"


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the parser of the tool."""
    command = commands.add_parser(
        "audit",
        help="judge a repository as it is, by the rules that rendered services keep",
        description="Only reads. Exit code 1 where the score is below the threshold, 2 for bad input.",
    )
    command.add_argument("folder", type=Path, nargs="?", default=Path(), help="the repository's root, or here")
    command.add_argument("--format", choices=["text", "json", "sarif"], default="text")
    command.add_argument(
        "--threshold", type=_percent, default=0, metavar="0-100", help="the score to reach, for exit code 0"
    )
    command.add_argument(
        "--no-linters", action="store_true", help="leave hadolint, actionlint, zizmor and kubeconform out"
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the report; returns the exit code: 0; 1 where the score is below the threshold; 2 for bad input."""
    try:
        report = audit(options.folder, with_linters=not options.no_linters)
    except (RepositoryError, AcceptedError) as error:
        print(f"shipshape: {plain(str(error))}", file=sys.stderr)
        return 2
    if report.score is None:
        for notice in report.notices:
            print(f"shipshape: {plain(notice.path)}: {plain(notice.text)}", file=sys.stderr)
        print(f"shipshape: {options.folder}: {NOTHING}", file=sys.stderr)
        return 2
    if options.format == "text":
        show(report, options.threshold, sys.stdout)
    elif options.format == "json":
        as_json(report, options.threshold, sys.stdout)
    else:
        as_sarif(report, sys.stdout)
    return 1 if report.score < options.threshold else 0


def _percent(text: str) -> int:
    if not text.isdecimal() or int(text) > 100:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 100, got {text!r}")
    return int(text)

"""The console command."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from .audit import command as audit
from .preview import ANSWERS, PreviewError, preview


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code: 0; 1 where a file differs or can't be written; 2 for bad input."""
    options = _parser().parse_args(arguments)
    if "run" in options:
        return int(options.run(options))
    answers = dict(item.split("=", 1) for item in options.data)
    counts: Counter[str] = Counter()
    try:
        for file in preview(options.template, options.folder, answers, options.answers_file):
            counts[file.state] += 1
            if file.state != "same":
                print(f"{file.state:<8} {file.path}{f': {file.note}' if file.note else ''}")
            if options.diff and file.diff:
                print(file.diff)
    except PreviewError as error:
        print(f"shipshape: {error}", file=sys.stderr)
        return 2
    blocked = f", {counts['blocked']} can't be written" if counts["blocked"] else ""
    print(f"{counts['new']} new, {counts['differs']} differ, {counts['same']} the same{blocked}; nothing was written")
    return 1 if counts["differs"] or counts["blocked"] else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="shipshape", description="Looks before Copier leaps.")
    commands = parser.add_subparsers(required=True)
    audit.add(commands)
    command = commands.add_parser(
        "preview",
        help="list what copier copy would write into a folder, and what it would overwrite",
        description="Renders elsewhere and compares. Exit code 1 where a file differs or can't be written.",
    )
    command.add_argument("template", help="path or address of the template")
    command.add_argument("folder", type=Path, help="the folder that copier copy would write to")
    command.add_argument("-d", "--data", action="append", default=[], type=_answer, metavar="NAME=VALUE")
    command.add_argument("-a", "--answers-file", default=ANSWERS, help="of one of several services", metavar="FILE")
    command.add_argument("--diff", action="store_true", help="show how files differ")
    return parser


def _answer(text: str) -> str:
    if "=" not in text:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    return text

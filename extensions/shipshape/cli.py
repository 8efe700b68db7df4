"""The console command."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from .adopt.command import adopt as adopt_service
from .audit.command import Format, judge

ANSWERS = ".copier-answers.yml"
app = typer.Typer(
    add_completion=False,
    help="Looks before Copier leaps, and brings repositories that have code.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # one line for an error, not a box
)


def _answer(text: str) -> str:
    if "=" not in text:
        raise typer.BadParameter(f"expected NAME=VALUE, got {text!r}")
    return text


def _percent(text: str | int) -> int:
    if not str(text).isdecimal() or int(text) > 100:
        raise typer.BadParameter(f"expected a number from 0 to 100, got {text!r}")
    return int(text)


@app.command(name="preview")
def _preview(
    template: Annotated[str, typer.Argument(help="path or address of the template")],
    folder: Annotated[Path, typer.Argument(help="the folder that copier copy would write to")],
    data: Annotated[list[str] | None, typer.Option("--data", "-d", parser=_answer, metavar="NAME=VALUE")] = None,
    answers_file: Annotated[str, typer.Option("--answers-file", "-a", help="of one of several services")] = ANSWERS,
    diff: Annotated[bool, typer.Option("--diff", help="show how files differ")] = False,
) -> None:
    """List what copier copy would write into a folder, and what it would overwrite.

    Renders elsewhere and compares. Exit code 1 where a file differs or can't be written.
    """
    from .preview import PreviewError, preview  # noqa: PLC0415 (Copier takes most of a second to import)

    answers = dict(item.split("=", 1) for item in data or [])
    counts: Counter[str] = Counter()
    try:
        for file in preview(template, folder, answers, answers_file):
            counts[file.state] += 1
            if file.state != "same":
                print(f"{file.state:<8} {file.path}{f': {file.note}' if file.note else ''}")
            if diff and file.diff:
                print(file.diff)
    except PreviewError as error:
        print(f"shipshape: {error}", file=sys.stderr)
        raise typer.Exit(2) from error
    blocked = f", {counts['blocked']} can't be written" if counts["blocked"] else ""
    print(f"{counts['new']} new, {counts['differs']} differ, {counts['same']} the same{blocked}; nothing was written")
    raise typer.Exit(1 if counts["differs"] or counts["blocked"] else 0)


@app.command(name="adopt")
def _adopt(
    folder: Annotated[Path, typer.Argument(help="the folder that has the service")] = Path(),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="read and show alone; write nothing")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="show it as JSON")] = False,
) -> None:
    """Read what a repository says about its service, and run nothing of it."""
    raise typer.Exit(adopt_service(folder, dry_run=dry_run, as_json=as_json))


@app.command(name="audit")
def _audit(
    folder: Annotated[Path, typer.Argument(help="the repository's root, or here")] = Path(),
    form: Annotated[Format, typer.Option("--format", help="of the report")] = Format.TEXT,
    threshold: Annotated[int, typer.Option(parser=_percent, metavar="0-100", help="the score to reach")] = 0,
    no_linters: Annotated[
        bool, typer.Option("--no-linters", help="leave hadolint, actionlint, zizmor and kubeconform out")
    ] = False,
) -> None:
    """Judge a repository as it is, by the rules that rendered services keep.

    Only reads. Exit code 1 where the score is below the threshold, 2 for bad input.
    """
    raise typer.Exit(judge(folder, form, threshold, with_linters=not no_linters))


def main() -> None:
    """Run the command, which ends with an exit code of its own for each reason."""
    app()

"""The console command."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from .adopt.command import ANSWERS, BRANCH, Options, adopt
from .adopt.move import move
from .adopt.show import printable
from .adopt.stop import EXIT_CODES, StopError
from .audit.command import Format, judge

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
def _adopt(  # noqa: PLR0913, PLR0917 (typer: an option each)
    folder: Annotated[Path, typer.Argument(help="the folder that has the service")] = Path(),
    template: Annotated[str, typer.Option(help="address or path of the template", envvar="SHIPSHAPE_TEMPLATE")] = "",
    vcs_ref: Annotated[str | None, typer.Option(help="its version: a tag or a commit; the newest by default")] = None,
    branch: Annotated[str, typer.Option(help="the branch that is made")] = BRANCH,
    replace: Annotated[list[str] | None, typer.Option(metavar="PATH", help="a file of yours to replace")] = None,
    answers: Annotated[Path | None, typer.Option(metavar="FILE", help="answers in YAML")] = None,
    data: Annotated[list[str] | None, typer.Option("--data", "-d", parser=_answer, metavar="NAME=VALUE")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="take guesses, and ask nothing")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="show how what is replaced differs")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="read and show alone; write nothing")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="show it as JSON")] = False,
) -> None:
    """Bring the template's files beside a service that has code, on a branch, and lose nothing of it.

    Reads what the repository says about its service, runs nothing of it, and asks what is open. docs/adopt-tool.md.
    """
    options = Options(template, vcs_ref, branch, replace or [], answers, data or [], dry_run, as_json, yes, diff)
    _stopping(lambda: adopt(folder, options))


@app.command(name="keep")
def _keep(
    path: Annotated[Path, typer.Argument(help="a file that the template brings")],
    answers_file: Annotated[str, typer.Option("--answers-file", "-a", help="of one of several services")] = ANSWERS,
) -> None:
    """Make a file yours, as it is now: updates leave it alone from now on. Commits."""
    _stopping(lambda: move(path, "keep", Options(branch=f"{BRANCH}-keep"), answers_file))


@app.command(name="take")
def _take(
    path: Annotated[Path, typer.Argument(help="a file of yours that the template would bring")],
    answers_file: Annotated[str, typer.Option("--answers-file", "-a", help="of one of several services")] = ANSWERS,
) -> None:
    """Make a file the template's, which updates bring forward: yours stays in history. Commits."""
    _stopping(lambda: move(path, "take", Options(branch=f"{BRANCH}-take"), answers_file))


def _stopping(work: Callable[[], None]) -> None:
    try:
        work()
    except StopError as error:
        print(f"shipshape: {printable(str(error))}", file=sys.stderr)
        raise typer.Exit(error.code) from error
    except KeyboardInterrupt as error:
        print("shipshape: interrupted: nothing was written", file=sys.stderr)
        raise typer.Exit(EXIT_CODES["given_up"]) from error


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

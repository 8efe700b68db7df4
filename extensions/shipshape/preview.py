"""Shows what `copier copy` would do to a folder, without doing it."""

from __future__ import annotations

import difflib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from copier import run_copy

State = Literal["new", "same", "differs", "blocked", "kept"]
ANSWERS = ".copier-answers.yml"


class PreviewError(Exception):
    """The template can't be rendered with these answers into this folder; one line that says why."""


@dataclass(frozen=True)
class File:
    """A file that the template would write: its path below the folder, and how it compares with what is there.

    `kept` is one that Copier makes where it is missing alone: the one that is there stays.
    `blocked` is one that can't be written, for a folder or a file is in its place; `note` then says which. Of a link,
    too, `note` says so: what it points to is not shown, for that may be anywhere.
    """

    path: Path
    state: State
    diff: str = ""
    note: str = ""


def preview(template: str, folder: Path, answers: dict[str, Any], answers_file: str = ANSWERS) -> Iterator[File]:
    """Compare what would be rendered into `folder` with what it holds; writes nothing there.

    The answers that the folder was rendered with, in `answers_file`, hold where none are given, as with `copier copy`.
    Raises PreviewError for an answer that the template refuses or does not ask for, a template that can't be read, a
    folder that is none.
    """
    if folder.exists() and not folder.is_dir():
        raise PreviewError(f"{folder} is a file: name the folder that copier copy would write to")
    with tempfile.TemporaryDirectory() as scratch:
        # The folder's name is the default of the service's name, so the scratch folder has it too.
        rendered = Path(scratch, folder.resolve().name)
        rendered.mkdir()
        if (folder / answers_file).is_file():
            shutil.copy(folder / answers_file, rendered / answers_file)
        try:
            said = answers | _by_what_is_there(template, folder, answers, answers_file)
            worker = run_copy(
                template, rendered, said, answers_file=answers_file, defaults=True, overwrite=True, quiet=True
            )
        except Exception as error:
            raise PreviewError(" ".join(str(error).split())) from error
        asked = [name for name, entry in worker.template.questions_data.items() if entry.get("when") is not False]
        for name in answers.keys() - set(asked):
            raise PreviewError(f"the template asks for no {name}: {_suggestion(name, asked)}")
        for path in sorted(p for p in rendered.rglob("*") if p.is_file()):
            file = _compare(path.relative_to(rendered), folder, path)
            kept = file.state == "differs" and worker.match_skip(file.path)
            yield File(file.path, "kept") if kept else file


def _by_what_is_there(template: str, folder: Path, answers: dict[str, Any], answers_file: str) -> dict[str, Any]:
    """The answers that the template takes in this folder: some defaults come from the files that are there."""
    if not folder.is_dir() or not any(folder.iterdir()):
        return {}
    worker = run_copy(  # of no file: the answers alone
        template, folder, answers, answers_file=answers_file, defaults=True, quiet=True, pretend=True, exclude=["*"]
    )
    known, hidden = worker.answers.combined, worker.answers.hidden
    return {name: known[name] for name in worker.template.questions_data if name in known and name not in hidden}


def _suggestion(name: str, asked: list[str]) -> str:
    close = difflib.get_close_matches(name, asked, n=1)
    return f"do you mean {close[0]}?" if close else f"it asks for {', '.join(asked)}"


def _compare(relative: Path, folder: Path, rendered: Path) -> File:
    there = folder / relative
    for parent in list(relative.parents)[-2::-1]:
        if (folder / parent).exists() and not (folder / parent).is_dir():
            return File(relative, "blocked", note=f"{parent} is a file, and would have to be a folder")
    if there.is_symlink():
        return File(relative, "differs", note="a link is there")
    if there.is_dir():
        return File(relative, "blocked", note="a folder is there")
    if not there.exists():
        return File(relative, "new")
    before, after = _lines(there), _lines(rendered)
    if before == after:
        return File(relative, "same")
    names = (str(relative), f"{relative} (rendered)")
    return File(relative, "differs", "".join(difflib.unified_diff(before, after, *names)))


def _lines(path: Path) -> list[str]:
    return path.read_text(errors="replace").splitlines(keepends=True)

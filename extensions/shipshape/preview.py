"""Shows what `copier copy` would do to a folder, without doing it."""

from __future__ import annotations

import difflib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from copier import run_copy

State = Literal["new", "same", "differs"]


class PreviewError(Exception):
    """The template can't be rendered with these answers; one line that says why."""


@dataclass(frozen=True)
class File:
    """A file that the template would write: its path below the folder, and how it compares with what is there."""

    path: Path
    state: State
    diff: str


def preview(template: str, folder: Path, answers: dict[str, Any]) -> Iterator[File]:
    """Compare what would be rendered into `folder` with what it holds; writes nothing there.

    Raises PreviewError for an answer that the template refuses, or a template that can't be read.
    """
    with tempfile.TemporaryDirectory() as scratch:
        # The folder's name is the default of the service's name, so the scratch folder has it too.
        rendered = Path(scratch, folder.resolve().name)
        try:
            run_copy(template, rendered, data=answers, defaults=True, quiet=True)
        except Exception as error:
            raise PreviewError(" ".join(str(error).split())) from error
        for path in sorted(p for p in rendered.rglob("*") if p.is_file()):
            yield _compare(path.relative_to(rendered), folder, path)


def _compare(relative: Path, folder: Path, rendered: Path) -> File:
    there = folder / relative
    if not there.exists():
        return File(relative, "new", "")
    before, after = _lines(there), _lines(rendered)
    if before == after:
        return File(relative, "same", "")
    names = (str(relative), f"{relative} (rendered)")
    return File(relative, "differs", "".join(difflib.unified_diff(before, after, *names)))


def _lines(path: Path) -> list[str]:
    return path.read_text(errors="replace").splitlines(keepends=True)

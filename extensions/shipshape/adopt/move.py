"""The commands `shipshape keep` and `take`."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from ..detect import detect
from . import refuse
from .answers import FOLDERS, OF_THE_IMAGE, answers, in_ours, in_their_image
from .branch import branched, run, top
from .command import ANSWERS, Options, from_the_service
from .stop import StopError


def _answers_of(root: Path, path: str) -> str:
    """The answers file of the service in whose folder a path is: the root's, where it has none of its own."""
    from . import render  # noqa: PLC0415

    found = {}
    for one in sorted(root.glob(".copier-answers.*.yml")):
        with contextlib.suppress(StopError):
            found[str(render.Service(root, ".", one.name).answers().get("service_path") or ".")] = one.name
    homes = [home for home in found if path.startswith(f"{home}/")]
    return found[max(homes, key=len)] if homes else ANSWERS


def move(path: Path, to: str, options: Options, answers_file: str) -> None:
    """Move a file between theirs (`keep`) and the template's (`take`), in a commit of its own on the current branch."""
    from . import render  # noqa: PLC0415 (Copier takes most of a second to import)

    folder = path.parent if path.parent.is_dir() else Path()
    stopped = refuse.of_git(folder)
    if stopped:
        raise StopError(stopped.reason, stopped.message)
    root = top(folder)
    whole = (folder.resolve() / path.name).relative_to(root.resolve()).as_posix()
    answers_file = _answers_of(root, whole) if answers_file == ANSWERS else answers_file
    data = render.Service(root, ".", answers_file).answers()
    home = str(data.get("service_path") or ".")
    inner = from_the_service(whole, home)
    kept = data.get("kept") or []
    if to == "keep" and not path.is_file():
        raise StopError("usage", f"{path} is no file")
    if (inner in kept) == (to == "keep"):
        raise StopError("usage", f"{inner} is {'yours already' if to == 'keep' else 'not among what is yours'}")
    # What their file says, before it goes: questions that were not asked while it was theirs.
    report = detect(root / home)
    for one in report.refusals if inner == "Dockerfile" and to == "take" else []:
        print(f"note: {one.message}")
    unasked = OF_THE_IMAGE if inner == "Dockerfile" else []
    read = {one.name: one.value for one in answers(report) if one.value is not None}
    read = {name: value for name, value in read.items() if name not in data or (name in unasked and not data[name])}
    folders: dict[str, Any] = {}
    if inner == "Dockerfile":
        folders = in_their_image(data, report) if to == "keep" else in_ours(data, report)
        folders = {name: value for name, value in folders.items() if name in FOLDERS}
    with branched(root, options.branch) as tree:
        service = render.Service(tree, home, answers_file)
        if to == "keep":
            render.keep(service, inner, folders)
        else:
            render.take(service, inner, read | folders)
    run(root, "merge", "--quiet", "--ff-only", options.branch)
    run(root, "branch", "--quiet", "--delete", options.branch)
    print(f"{inner} is {'yours' if to == 'keep' else 'of the template'} from now on")

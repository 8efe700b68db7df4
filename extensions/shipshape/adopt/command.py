"""The command `shipshape adopt`."""

from __future__ import annotations

import posixpath
import shlex
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import questionary
from rich.console import Console

from ..detect import Report, detect
from . import refuse, show
from .answers import OF_THE_IMAGE, Answer, answers, in_their_image
from .ask import ask, given
from .branch import branched, commit, run, switch, top
from .stop import StopError

ANSWERS = ".copier-answers.yml"
BRANCH = "shipshape"


@dataclass(frozen=True)
class Options:
    """What the user asked for."""

    template: str = ""
    ref: str | None = None
    branch: str = BRANCH
    replace: list[str] = field(default_factory=list)
    answers: Path | None = None
    data: list[str] = field(default_factory=list)
    dry_run: bool = False
    as_json: bool = False
    yes: bool = False
    diff: bool = False

    @property
    def terminal(self) -> bool:
        """Whether questions can be asked."""
        return not self.yes and sys.stdin.isatty() and sys.stdout.isatty()


def adopt(folder: Path, options: Options) -> None:
    """Read the service in a folder, show what was found, and bring the template's files beside it on a branch."""
    if not folder.is_dir():
        raise StopError("usage", f"{folder} is no folder: name the one that has the service")
    report = detect(folder, lambda line: print(f"shipshape: {line}", file=sys.stderr))
    said = given(options.answers, options.data)
    refused = refuse.refusal(folder, report, said, own_image=_own_image(folder, said, options))
    found = [_answered(one, said) for one in answers(report)] if "language" in report.facts else []
    if options.as_json:
        print(show.document(report, found, refused))
    elif found:
        show.table(console(), report, found)
    if refused:
        raise StopError(refused.reason, refused.message)
    if not options.dry_run:
        _write(folder, report, found, said, options)


def console() -> Console:
    """Wide where nobody looks at it: a program that reads it wants whole lines."""
    return Console(width=None if sys.stdout.isatty() else 160)


def _answered(one: Answer, said: dict[str, Any]) -> Answer:
    return Answer(one.name, said[one.name], None) if one.name in said else one


def _write(folder: Path, report: Report, found: list[Answer], said: dict[str, Any], options: Options) -> None:
    if not options.template:
        raise StopError("usage", "name the template's address: --template URL")
    root = top(folder)
    path = folder.resolve().relative_to(root.resolve()).as_posix()
    options = replace(options, replace=[from_the_service(one, path) for one in options.replace])
    own = _own_dockerfile(folder, said)
    if _own_image(folder, said, options):
        found = [one for one in found if one.name not in OF_THE_IMAGE]
        # A version that no image of ours has is their Dockerfile's business.
        found = [one for one in found if one.name != "language_version" or one.value is not None]
    gaps = [one.name for one in found if one.open and (one.value is None or not options.yes)]
    if gaps and not options.terminal:
        raise StopError(
            "open", f"these are open: {', '.join(gaps)}: answer them with --data NAME=VALUE or --answers FILE"
        )
    chosen = {one.name: one.value for one in found if one.value is not None} | said
    chosen |= ask(found) if options.terminal else {}
    there = _answers_file(path)
    if (root / there).exists():
        raise StopError("blocked", f"{there} is there: it was adopted already, and copier update brings it forward")
    chosen |= {"source": "yours"} | ({} if path == "." else {"service_path": path})
    first = in_their_image(chosen, report) if own else chosen
    kept = _on_a_branch(root, path, first, chosen, options)
    switch(root, options.branch)
    _next(folder, options, kept)


def _own_dockerfile(folder: Path, said: dict[str, Any]) -> bool:
    return "Dockerfile" in said["kept"] if "kept" in said else (folder / "Dockerfile").is_file()


def _own_image(folder: Path, said: dict[str, Any], options: Options) -> bool:
    """Whether their Dockerfile is there, and stays."""
    return _own_dockerfile(folder, said) and not any(Path(one).name == "Dockerfile" for one in options.replace)


def from_the_service(path: str, folder: str) -> str:
    """A path as the service's answers have it, from one that may begin at the repository's root, as the table's do."""
    return posixpath.normpath(path).removeprefix(f"{folder}/")


def _answers_file(path: str) -> str:
    return ANSWERS if path == "." else f".copier-answers.{path.rsplit('/', 1)[-1]}.yml"


def _on_a_branch(root: Path, path: str, first: dict[str, Any], chosen: dict[str, Any], options: Options) -> list[str]:
    """Render with the answers `first`; those of `chosen` hold once their Dockerfile is replaced."""
    from . import prove, render  # noqa: PLC0415 (Copier takes most of a second to import)

    base = run(root, "rev-parse", "HEAD").strip()
    with branched(root, options.branch) as tree:
        service = render.Service(tree, path, _answers_file(path))
        render.copy(service, options.template, first, options.ref)
        commit(tree, "Bring Shipshape's files beside the service")
        kept: list[str] = service.answers().get("kept") or []
        unknown = [one for one in options.replace if one not in kept]
        if unknown:
            yours = ", ".join(service.path(one) for one in kept) or "nothing"
            raise StopError("usage", f"--replace {unknown[0]}: it is not among what stays yours: {yours}")
        for one in options.replace:
            render.take(service, one, chosen if one == "Dockerfile" else {})
        replaced = {service.path(one) for one in options.replace}
        new = prove.prove(tree, base, replaced)
        show.written(
            console(), new, [service.path(one) for one in kept if one not in options.replace], sorted(replaced)
        )
        print(f"shipshape audit: {_score(root)} before, {_score(tree)} with them")
        if options.diff:
            print(show.printable_lines(run(tree, "diff", base, "HEAD", "--", *sorted(replaced))) if replaced else "")
        if options.terminal and not questionary.confirm(f"Write them on the branch {options.branch}?").ask():
            raise StopError("given_up", "given up: nothing was written")
    return kept


def _score(folder: Path) -> str:
    """What `shipshape audit` gives a folder, by its own rules alone."""
    from ..audit import audit  # noqa: PLC0415 (not needed to read)
    from ..audit.accepted import AcceptedError  # noqa: PLC0415
    from ..audit.files import RepositoryError  # noqa: PLC0415

    try:
        score = audit(folder, with_linters=False).score
    except (AcceptedError, RepositoryError):
        score = None
    return "none" if score is None else str(score)


def _next(folder: Path, options: Options, kept: list[str]) -> None:
    print(f"written on the branch {options.branch}; each file that you had is as it was, but for what was replaced")
    if "Dockerfile" in kept and "Dockerfile" not in options.replace:
        take = shlex.join(["shipshape", "take", str(folder / "Dockerfile")])
        print(f"your Dockerfile stays, and builds the image; {take} brings the template's in its place")
    command = ["make", *([] if folder == Path() else ["-C", str(folder)]), "-f", "ship.mk", "up"]
    if options.terminal and questionary.confirm(f"Build and start it now? ({' '.join(command)})", default=False).ask():
        subprocess.run(command, check=False)
    else:
        print(f"start it: {shlex.join(command)}")

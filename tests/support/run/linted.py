"""Each text is judged once by a linter, in whichever layer it is met first: many answers render the same file."""

import hashlib
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.support.tools import run

SOURCED = re.compile(r"^# shellcheck source=(\S+)", re.MULTILINE)

IsNew = Callable[[str, Iterable[Path]], bool]


def unseen(shared: Path) -> IsNew:
    """Whether no worker's linter has yet seen these very files; `shared` is a folder of all the workers of a run."""
    (shared / "linted").mkdir(exist_ok=True)

    def check(linter: str, paths: Iterable[Path]) -> bool:
        digest = hashlib.sha256(linter.encode())
        for path in sorted(p for p in paths if p.is_file()):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
        try:
            (shared / "linted" / digest.hexdigest()).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    return check


def named(pattern: re.Pattern[str], path: Path, project: Path) -> list[Path]:
    """The files of the project that a file names, and that are judged with it; /dev/null is none."""
    return [project / name for name in pattern.findall(path.read_text()) if not name.startswith("/")]


def shellcheck(project: Path, scripts: Iterable[Path], is_new: IsNew) -> None:
    """Each text once, with what it sources."""
    found = sorted(scripts)
    assert found
    new = [
        str(path.relative_to(project)) for path in found if is_new("shellcheck", [path, *named(SOURCED, path, project)])
    ]
    if new:
        run(["shellcheck", "--severity=style", "--external-sources", *new], cwd=project)

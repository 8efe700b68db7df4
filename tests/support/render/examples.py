"""What examples/NAME/answers.yml renders; `python -m tests.support.render.examples` renders all of them again."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from tests.support.paths import ROOT
from tests.support.render import NO_SETTINGS, plain_copy, render

EXAMPLES = ROOT / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/answers.yml"))
GIVEN = "answers.yml"  # what the owner of an example answered: the only file in its folder that is written by hand
# Copier's own file holds the address and the commit that were rendered, which are this machine's.
LEFT_OUT = ".copier-answers.yml"

# A path below the example to whether it can be executed, and its content: what Git keeps of a file.
Files = dict[str, tuple[bool, bytes]]


def answers(name: str) -> dict[str, Any]:
    given: dict[str, Any] = yaml.safe_load((EXAMPLES / name / GIVEN).read_text())
    return given


def rendered(template: Path, name: str, scratch: Path) -> Path:
    """Render an example into a folder of its own below `scratch`."""
    folder = render(template, scratch / name, **answers(name))
    (folder / LEFT_OUT).unlink()
    return folder


def content(folder: Path, names: list[str]) -> Files:
    return {name: (bool((folder / name).stat().st_mode & 0o100), (folder / name).read_bytes()) for name in names}


def files(folder: Path) -> Files:
    """Every file below a folder."""
    return content(folder, sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()))


def kept(name: str) -> Files:
    """What Git keeps, or would keep, of an example: a file that it ignores would never be seen by a reader."""
    folder = EXAMPLES / name
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=folder, check=True, capture_output=True, text=True,
    ).stdout.split("\0")  # fmt: skip
    return content(folder, [path for path in sorted({*listed}) if path not in {"", GIVEN} and (folder / path).exists()])


def renew(template: Path, name: str, scratch: Path) -> None:
    """Put a new rendering in the place of the old one; the answers stay."""
    folder = rendered(template, name, scratch)
    shutil.copy2(EXAMPLES / name / GIVEN, folder)
    shutil.rmtree(EXAMPLES / name)
    shutil.move(folder, EXAMPLES / name)


if __name__ == "__main__":
    os.environ.update(NO_SETTINGS)
    with tempfile.TemporaryDirectory() as scratch:
        template = plain_copy(Path(scratch, "template"))
        for name in NAMES:
            renew(template, name, Path(scratch))
            sys.stdout.write(f"examples/{name}\n")

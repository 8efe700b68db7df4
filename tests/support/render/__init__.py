"""Renders the template as users do: through Copier, without trust."""

import os
import re
import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

from copier import run_copy

from tests.support.expectations import rows
from tests.support.paths import ROOT
from tests.support.render import quick
from tests.support.render.answers import COMBINATIONS, ORDERS, PIPELINES, TEMPLATE, name_of, one_per

__all__ = ["COMBINATIONS", "ORDERS", "PIPELINES", "TEMPLATE", "name_of", "one_per"]

quick.install()

# No settings of this machine's user: a hook, a signature or a default answer of theirs is none of ours.
NO_SETTINGS = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "COPIER_SETTINGS_PATH": str(Path(__file__).with_name("no-settings.yml")),
}
SOURCES = {row["suffix"] for row in rows("language").values()}


def render(template: Path, destination: Path, **answers: Any) -> Path:
    run_copy(str(template), destination, data=answers, defaults=True, quiet=True, unsafe=False)
    return destination


def git(folder: Path, *arguments: str, **environment: str) -> str:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "init.defaultBranch=main")
    result = subprocess.run(
        ["git", *identity, *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | NO_SETTINGS | environment,
    )
    return result.stdout


def commit(folder: Path, message: str, tag: str = "", date: datetime | None = None) -> None:
    """Commit all that is there; with a date, the same files become the same commit in each run."""
    dates = {f"GIT_{who}_DATE": date.isoformat() for who in ("AUTHOR", "COMMITTER")} if date else {}
    if not (folder / ".git").exists():
        git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message, **dates)
    if tag:
        git(folder, "tag", tag)


def plain_copy(destination: Path) -> Path:
    """The template as the working tree has it, uncommitted work included, without its history: quick to render."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "copier.yml", "template"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).exists():
            (destination / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, destination / name)
    return destination


def released_copy(destination: Path) -> Path:
    """The same as a repository whose only release is v1.0.0: what an update needs."""
    commit(plain_copy(destination), "v1", tag="v1.0.0")
    return destination


def edit_source(project: Path, before: str, after: str) -> None:
    """Change a service's source, whatever its language, where `before` first stands."""
    for path in sorted(project.rglob("*")):
        relative = path.relative_to(project)
        if path.suffix in SOURCES and not re.search("test", str(relative), re.IGNORECASE):
            text = path.read_text()
            if before in text:
                path.write_text(text.replace(before, after, 1))
                return
    raise AssertionError(f"the source says {before} nowhere")

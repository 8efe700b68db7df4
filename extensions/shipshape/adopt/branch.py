"""A branch that is made beside the owner's working tree, and is gone again unless all went well."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from ..detect.files import GIT
from .stop import StopError


def run(folder: Path, *arguments: str) -> str:
    """What a command of Git's says, or StopError; no hook or program that the repository names is run."""
    done = subprocess.run([*GIT, "-C", str(folder), *arguments], capture_output=True, check=False)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason was given"]
        raise StopError("blocked", f"git {arguments[0]}: {lines[-1]}")
    return done.stdout.decode(errors="surrogateescape")


def names(folder: Path, *arguments: str) -> list[str]:
    """The entries of a list that a command of Git's gives with -z."""
    return [name for name in run(folder, *arguments).split("\0") if name]


@contextlib.contextmanager
def branched(root: Path, branch: str) -> Iterator[Path]:
    """A working tree of a new branch, in a temporary folder of the repository's name.

    The owner's own tree stays as it is. An error, Ctrl-C or SIGTERM takes the branch away again.
    """
    if names(root, "branch", "--list", branch):
        raise StopError("blocked", f"there is a branch {branch} already: delete it, or name another one with --branch")
    with tempfile.TemporaryDirectory() as scratch, _terminated():
        tree = Path(scratch, root.name or "repository")
        kept = False
        try:
            run(root, "worktree", "add", "--quiet", "-b", branch, str(tree), "HEAD")
            yield tree
            kept = True
        finally:
            with contextlib.suppress(StopError):
                run(root, "worktree", "remove", "--force", str(tree))
            run(root, "worktree", "prune")
            if not kept and names(root, "branch", "--list", branch):
                run(root, "branch", "--quiet", "--delete", "--force", branch)


def commit(tree: Path, message: str) -> None:
    """Commit all that is in a working tree."""
    run(tree, "add", "--all")
    run(tree, "commit", "--quiet", "--no-verify", "--message", message)


def switch(root: Path, branch: str) -> None:
    """Bring the owner's tree to the branch; files of theirs that nobody tracks are never overwritten."""
    run(root, "switch", "--quiet", branch)


@contextlib.contextmanager
def _terminated() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def top(folder: Path) -> Path:
    """The repository's root."""
    return Path(os.fsdecode(run(folder, "rev-parse", "--show-toplevel").rstrip("\n")))

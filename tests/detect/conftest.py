"""Small repositories, written from a mapping of path to text."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Repositories = Callable[[dict[str, str]], Path]
COMMIT = ("-c", "user.name=Owner", "-c", "user.email=owner@example.com", "commit", "--quiet", "--message", "All of it")


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write the files into the folder; a path's folders are made."""
    for path, text in files.items():
        there = folder / path
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_text(text)
    return folder


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Repositories:
    """A repository with these files, all committed."""

    def make(files: dict[str, str]) -> Path:
        folder = write(tmp_path / "service", files)
        folder.mkdir(exist_ok=True)
        git(folder, "init", "--quiet", "--initial-branch=main")
        git(folder, "add", "--all")
        git(folder, *COMMIT, "--allow-empty")
        return folder

    return make

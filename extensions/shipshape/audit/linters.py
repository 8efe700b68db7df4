"""The field's linters, where they are installed: run over copies of the files, so that nothing else is read.

None of them executes what it judges: hadolint, actionlint, zizmor and kubeconform parse it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .files import Files
from .model import Repository
from .report import Finding
from .rules import Severity, same

LIMIT = 120  # seconds for a linter
SETTINGS = (
    ".hadolint.yaml",
    ".hadolint.yml",
    ".github/actionlint.yaml",
    ".github/actionlint.yml",
    ".github/zizmor.yml",
    "zizmor.yml",
)
_LEVELS: dict[str, Severity] = {"error": "error", "warning": "warning", "High": "error", "Medium": "warning"}
Said = Iterator[Finding]


class LinterError(Exception):
    """A linter ended in another way than its manual says; one line."""


@dataclass(frozen=True)
class Linter:
    """A linter: on which files, by which command, and how its JSON is read."""

    name: str
    paths: Callable[[Repository], list[str]]
    command: list[str]
    read: Callable[[Any], Said]


def _hadolint(said: Any) -> Said:
    for one in said:
        yield Finding(
            f"hadolint/{one['code']}", one["file"], one["line"], one["message"], _LEVELS.get(one["level"], "note")
        )


def _actionlint(said: Any) -> Said:
    for one in said:
        yield Finding(f"actionlint/{one['kind']}", one["filepath"], one["line"], one["message"], "error")


def _zizmor(said: Any) -> Said:
    for one in said:
        if one["ignored"]:
            continue
        place = next((p for p in one["locations"] if p["symbolic"]["kind"] == "Primary"), one["locations"][0])
        where = place["symbolic"]["key"]["Local"]
        path = where.get("verbatim_path") or where["given_path"]  # its name before zizmor 1.30
        line = place["concrete"]["location"]["start_point"]["row"] + 1
        severity = _LEVELS.get(one["determinations"]["severity"], "note")
        yield Finding(f"zizmor/{one['ident']}", path, line, one["desc"], severity)


def _kubeconform(said: Any) -> Said:
    for one in said["resources"] or []:
        if one["status"] == "statusInvalid":
            yield Finding(
                "kubeconform/schema", one["filename"], 1, f"{one['kind']} {one['name']}: {one['msg']}", "error"
            )
        elif one["status"] == "statusError":
            raise LinterError(one["msg"])


LINTERS = [
    Linter(
        "hadolint",
        lambda found: [one.path for one in found.dockerfiles],
        ["hadolint", "--no-fail", "--format=json"],
        _hadolint,
    ),
    Linter(
        "actionlint",
        lambda found: [one.path for one in found.workflows],
        ["actionlint", "-shellcheck=", "-pyflakes=", "-format={{json .}}"],
        _actionlint,
    ),
    Linter(
        "zizmor",
        lambda found: [one.path for one in found.workflows],
        ["zizmor", "--offline", "--no-progress", "--no-exit-codes", "--format=json"],
        _zizmor,
    ),
    Linter(
        "kubeconform",
        lambda found: sorted({one.path for one in found.manifests if one.kind != "Kustomization"}),
        ["kubeconform", "-output=json", "-ignore-missing-schemas"],
        _kubeconform,
    ),
]


def run(found: Repository, files: Files, wanted: bool) -> tuple[list[Finding], dict[str, str]]:
    """What they find, and of each the version, or why it said nothing."""
    findings: list[Finding] = []
    state: dict[str, str] = {}
    if not wanted:
        return [], {one.name: "not asked for" for one in LINTERS}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch).resolve()
        folder.joinpath(".git").mkdir()  # by which actionlint knows the root
        _copy(files, folder, [name for name in SETTINGS if name in files.known])
        for linter in LINTERS:
            paths = linter.paths(found)
            if not paths:
                continue
            if not shutil.which(linter.command[0]):
                state[linter.name] = "not found"
                continue
            _copy(files, folder, paths)
            try:
                findings += [replace(one, path=_relative(one.path, folder)) for one in _said(linter, paths, folder)]
                state[linter.name] = "ran"
            except (LinterError, OSError, subprocess.SubprocessError) as error:
                state[linter.name] = f"failed: {' '.join(str(error).split())[:200]}"
            except (ValueError, LookupError, TypeError):
                state[linter.name] = "failed: its output is not what this version of shipshape knows"
    return findings, state


def _said(linter: Linter, paths: list[str], folder: Path) -> list[Finding]:
    done = subprocess.run(
        [*linter.command, *(f"./{path}" for path in paths)],
        cwd=folder, capture_output=True, text=True, timeout=LIMIT, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if not done.stdout.strip():
        if done.returncode > 1 or done.stderr:
            raise LinterError(
                done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit code {done.returncode}"
            )
        return []
    return list(linter.read(json.loads(done.stdout)))


def _copy(files: Files, folder: Path, names: Iterable[str]) -> None:
    for name in names:
        folder.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        folder.joinpath(name).write_text(files.text(name), encoding="utf-8")


def _relative(path: str, folder: Path) -> str:
    return path.removeprefix(f"{folder}/").removeprefix("./")


def merge(own: list[Finding], others: list[Finding]) -> list[Finding]:
    """Ours, with the linters that say the same of the same file; then what is theirs alone."""
    by_place: dict[tuple[str, str], set[str]] = {}
    left = []
    ours = {(one.name, one.path) for one in own}
    for one in others:
        meant = [(rule, one.path) for rule in same().get(one.name, []) if (rule, one.path) in ours]
        for place in meant:
            by_place.setdefault(place, set()).add(one.name)
        if not meant:
            left.append(one)
    own = [replace(one, also=tuple(sorted(by_place.get((one.name, one.path), ())))) for one in own]
    unique = {(one.name, one.path, one.line): one for one in left}
    return sorted([*own, *unique.values()], key=lambda one: (one.path, one.line, one.name))

"""The folders that a service makes for itself: its image is read-only, so each must be named.

Only literal, relative paths count: what is joined from variables is not known without running it.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator

from .files import Repository
from .finding import Finding, Rank
from .python_source import aside, parse

_PATH = r"[\"'`](?:\./)?([A-Za-z0-9_][\w./-]*)[\"'`]"
# Of the languages whose source is read by patterns: files, and what makes a folder or keeps uploads in one.
_MADE = {
    "node": (r"\.[cm]?[jt]s$", rf"(?:mkdir(?:Sync)?|mkdirp|ensureDir(?:Sync)?)\(\s*{_PATH}|\bdest:\s*{_PATH}"),
    "go": (r"\.go$", rf"os\.Mkdir(?:All)?\(\s*{_PATH}"),
    "rust": (r"\.rs$", rf"create_dir(?:_all)?\(\s*{_PATH}"),
}
_TESTS = re.compile(
    r"(?i)(?:^|/)(?:tests?|__tests__|e2e|scripts?|examples?|node_modules|dist|build)/|_test\.|\.(?:test|spec|config)\."
)
_EMPTY = ("/.gitkeep", "/.gitignore", "/.keep")  # by which Git keeps a folder that is empty
_MOST = 3000


def find(repository: Repository, language: str) -> Iterator[Finding]:
    """A finding for each folder, by what makes it first; none where a mount would hide files of the repository."""
    note = "the code makes it; name it in data_folders, if what is in it must last"
    seen: set[str] = set()
    for folder, path, line in _python(repository) if language == "python" else _patterns(repository, language):
        if not folder or folder in seen or folder.startswith((".", "/")):
            continue
        seen.add(folder)
        if not any(one.startswith(f"{folder}/") and not one.endswith(_EMPTY) for one in repository.paths):
            yield Finding("writable_folders", folder, path, line, "derived", Rank.SOURCE, note)


def _patterns(repository: Repository, language: str) -> Iterator[tuple[str, str, int]]:
    files, made = _MADE.get(language, ("$.", "$."))
    for path in [p for p in repository.paths if re.search(files, p) and not _TESTS.search(p)][:_MOST]:
        text = repository.text(path) or ""
        for match in re.finditer(made, text):
            folder = next(group for group in match.groups() if group)
            yield folder.rstrip("/"), path, text.count("\n", 0, match.start()) + 1


def _python(repository: Repository) -> Iterator[tuple[str, str, int]]:
    for path in [p for p in repository.paths if p.endswith(".py") and not aside(p)][:_MOST]:
        text = repository.text(path) or ""
        tree = parse(text) if re.search(r"mkdir|makedirs|FileHandler", text) else None
        try:
            for call in ast.walk(tree) if tree else ():
                if isinstance(call, ast.Call):
                    yield _made(call), path, call.lineno
        except RecursionError:
            repository.unread[path] = "Python that is nested too deep to be read"


def _made(call: ast.Call) -> str:
    """The folder that a call makes: `os.makedirs("logs")`, `Path("logs").mkdir()`, `FileHandler("logs/a.log")`."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    first: ast.expr | None = call.args[0] if call.args else None
    if name == "mkdir" and isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Call):
        of = call.func.value
        first = of.args[0] if getattr(of.func, "id", getattr(of.func, "attr", "")) == "Path" and of.args else None
    if name not in ("mkdir", "makedirs") and not name.endswith("FileHandler"):
        return ""
    if not isinstance(first, ast.Constant) or not isinstance(first.value, str) or first.value.startswith("/"):
        return ""
    path = posixpath.normpath(first.value)
    return posixpath.dirname(path) if name.endswith("FileHandler") else path

"""A Python service: manager, version, dependencies, and how it is started."""

from __future__ import annotations

import re
from collections.abc import Iterator

from . import python_app, python_manifest
from .files import Repository
from .finding import Finding, Rank
from .known import needs
from .parse import at, json_object, line_of, mapping, toml
from .versions import first_line, stated

MARKERS = (
    "pyproject.toml",
    "requirements.txt",
    "Pipfile",
    "setup.py",
    "setup.cfg",
    "manage.py",
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
)
LOCKS = {"uv.lock": "uv", "poetry.lock": "poetry", "pdm.lock": "pdm", "Pipfile.lock": "pipenv"}
# What a wheel does not bring along: https://github.com/railwayapp/railpack/blob/b5e80580/core/providers/python/python.go
_SYSTEM = {
    "psycopg2": "libpq",
    "mysqlclient": "libmariadb",
    "pycairo": "libcairo",
    "pdf2image": "poppler-utils",
    "pydub": "ffmpeg",
    "weasyprint": "pango",
    "python-ldap": "libldap",
}
# Question, command, file, and the word in it that says that the tool is configured there.
_CONFIGURED = (
    ("test_command", "pytest", "pytest.ini", ""),
    ("test_command", "pytest", "pyproject.toml", "tool.pytest"),
    ("test_command", "pytest", "setup.cfg", "tool:pytest"),
    ("lint_command", "ruff check", "ruff.toml", ""),
    ("lint_command", "ruff check", ".ruff.toml", ""),
    ("lint_command", "ruff check", "pyproject.toml", "tool.ruff"),
    ("lint_command", "flake8", ".flake8", ""),
    ("lint_command", "flake8", "setup.cfg", "flake8"),
)


def find(repository: Repository) -> Iterator[Finding]:
    """The findings of a Python service, of which it is known that it is one."""
    yield from _manager(repository)
    yield from _versions(repository)
    needed = python_manifest.dependencies(repository)
    yield from _needs(needed)
    inner = python_manifest.members(repository)
    # Beside a workspace, a project of its own is another service.
    aside = [
        path.removesuffix("pyproject.toml") for path in repository.named("pyproject.toml") if inner and "/" in path
    ]
    aside = [folder for folder in aside if folder.rstrip("/") not in inner]
    yield from python_app.find(repository, needed, python_manifest.scripts(repository), tuple(aside))
    yield from _servers(repository)
    yield from _commands(repository)
    yield from _whole_source(repository)


def _manager(repository: Repository) -> Iterator[Finding]:
    locks = [path for path in LOCKS if repository.has(path)]
    for path in locks:
        yield Finding("manager", LOCKS[path], path, 0, "stated", Rank.MANIFEST)
    if len(locks) > 1:
        yield Finding("two_locks", locks, locks[1], 0, "stated", Rank.MANIFEST)
    if locks:
        return
    data, text = toml(repository, "pyproject.toml"), repository.text("pyproject.toml")
    listed = python_manifest.requirements(repository)
    if listed:
        yield Finding("manager", "pip", listed, 0, "stated", Rank.MANIFEST)
        yield Finding("requirements", listed, listed, 0, "stated", Rank.MANIFEST)
    elif repository.has("Pipfile"):
        yield Finding("manager", "pipenv", "Pipfile", 0, "stated", Rank.MANIFEST)
        yield Finding("no_lock", "Pipfile.lock", "Pipfile", 0, "derived", Rank.MANIFEST)
    else:
        for tool in ("uv", "pdm", "poetry"):
            if at(data, "tool", tool):
                line = line_of(text, f"tool.{tool}")
                yield Finding("manager", tool, "pyproject.toml", line, "derived", Rank.MANIFEST)
                yield Finding("no_lock", f"{tool}.lock", "pyproject.toml", line, "derived", Rank.MANIFEST)
                return
        first = repository.first("pyproject.toml", "setup.py", "setup.cfg")
        if first:
            yield Finding("manager", "pip", first, 0, "guess", Rank.MANIFEST, "no lock file says which one")


def _versions(repository: Repository) -> Iterator[Finding]:
    version, line = first_line(repository, ".python-version")
    if version:
        yield stated("python", version, ".python-version", line, Rank.PROCESS)
    version, line = first_line(repository, "runtime.txt")
    if version.startswith("python-"):
        yield stated("python", version, "runtime.txt", line, Rank.PROCESS)
    data, text = toml(repository, "pyproject.toml"), repository.text("pyproject.toml")
    pipfile = mapping(toml(repository, "Pipfile").get("requires"))
    lock = mapping(at(json_object(repository, "Pipfile.lock"), "_meta", "requires"))
    for path, word, value in (
        ("pyproject.toml", "requires-python", at(data, "project", "requires-python")),
        ("pyproject.toml", "python", at(data, "tool", "poetry", "dependencies", "python")),
        ("Pipfile", "python_full_version", pipfile.get("python_full_version")),
        ("Pipfile", "python_version", pipfile.get("python_version")),
        ("Pipfile.lock", "python_version", lock.get("python_version")),
    ):
        if isinstance(value, str):
            line = line_of(text if path == "pyproject.toml" else repository.text(path), word)
            yield stated("python", value, path, line, Rank.MANIFEST)


def _needs(needed: python_manifest.Dependencies) -> Iterator[Finding]:
    yield from needs("python", needed.places.get)
    for name, library in _SYSTEM.items():
        if name in needed:
            yield Finding("system_library", library, *needed.places[name], "derived", Rank.MANIFEST, name)
    if "psycopg" in needed and not needed.extras["psycopg"] & {"binary", "c"}:
        place = needed.places["psycopg"]
        yield Finding("system_library", "libpq", *place, "derived", Rank.MANIFEST, "psycopg without [binary]")


def _servers(repository: Repository) -> Iterator[Finding]:
    """The port that a server's own configuration names: gunicorn's module, uWSGI's file."""
    for path in repository.named("gunicorn.conf.py", "gunicorn_conf.py", "gunicorn.config.py", "uwsgi.ini"):
        for number, line in enumerate((repository.text(path) or "").split("\n"), 1):
            match = re.match(r"""\s*(?:bind|http|http-socket)\s*=\s*f?["']?([\w.\[\]:]*):(\d{2,5})\b""", line)
            if match and int(match[2]) < 65536:
                yield Finding("port", int(match[2]), path, number, "stated", Rank.CONFIG)


def _commands(repository: Repository) -> Iterator[Finding]:
    """How it is tested and linted, where a configuration of the tool says that it is used."""
    for fact, command, path, word in _CONFIGURED:
        text = repository.text(path) if repository.has(path) else None
        if text is not None and (not word or line_of(text, word)):
            yield Finding(fact, command, path, line_of(text, word) if word else 0, "derived", Rank.CONFIG)
    if repository.has("manage.py") and any(
        re.match(r"(?:[^/]+/){1,3}tests?[^/]*\.py$|(?:[^/]+/){0,3}tests/[^/]+\.py$", p) for p in repository.paths
    ):
        yield Finding("test_command", "python manage.py test", "manage.py", 0, "derived", Rank.SOURCE)


def _whole_source(repository: Repository) -> Iterator[Finding]:
    """Whether the dependencies can't be installed before the source is there."""
    path = python_manifest.requirements(repository)
    for number, line in enumerate((repository.text(path) or "").split("\n") if path else [], 1):
        if re.match(r"\s*(?:-e|--editable)\s|\s*\.{1,2}/|\s*file:|.*@\s*file:", line):
            yield Finding("source_to_install", True, str(path), number, "stated", Rank.MANIFEST)

"""Which version of a language: version files, ranges, and the lines that are offered."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any

import nodesemver  # type: ignore[import-untyped]
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from .files import Repository
from .finding import Finding, Rank
from .parse import at, line_of, mapping, toml, yaml_mapping

# The lines that the template has an image for, the default first: template/tables/languages.yml.
LINES = {
    "python": ["3.14", "3.13", "3.12", "3.11", "3.10"],
    "node": ["24", "26", "22"],
    "go": ["1.27"],
    "rust": ["1.99"],
    "java": ["25", "21", "17"],
}
# How asdf and mise call them: https://mise.jdx.dev/core-tools.html, https://github.com/asdf-vm/asdf-plugins.
_TOOLS = {
    "python": "python",
    "node": "node",
    "nodejs": "node",
    "go": "go",
    "golang": "go",
    "rust": "rust",
    "java": "java",
}
_NODE_NAMES = {"iron": "20", "jod": "22", "krypton": "24", "*": "24"}
logging.getLogger("nodesemver").setLevel(logging.CRITICAL)


def find(repository: Repository) -> Iterator[Finding]:
    """What `.tool-versions`, `mise.toml` and the steps of their workflows say, for every language."""
    for number, line in enumerate((repository.text(".tool-versions") or "").split("\n"), 1):
        words = line.split("#")[0].split()
        if len(words) > 1 and words[0] in _TOOLS:
            yield stated(_TOOLS[words[0]], words[1], ".tool-versions", number, Rank.PROCESS)
    for path in ("mise.toml", ".mise.toml"):
        for name, value in mapping(toml(repository, path).get("tools")).items():
            version = value[0] if isinstance(value, list) and value else at(value, "version") or value
            if name in _TOOLS and isinstance(version, str):
                at_line = line_of(repository.text(path), "tools", name)
                yield stated(_TOOLS[name], version, path, at_line, Rank.PROCESS)
    for language in ("python", "node", "java"):
        yield from _workflows(repository, language)


def _workflows(repository: Repository, language: str) -> Iterator[Finding]:
    """The version that all steps of their workflows use: of several, none is the one that runs in production."""
    found: dict[str, tuple[str, int]] = {}
    for path in repository.below(".github/workflows/*.yml", ".github/workflows/*.yaml"):
        text = repository.text(path)
        for value in _values(yaml_mapping(repository, path), f"{language}-version"):
            found.setdefault(value, (path, line_of(text, f"{language}-version")))
    if len(found) == 1:
        value, place = next(iter(found.items()))
        yield stated(language, value, *place, Rank.CONFIG)


def first_line(repository: Repository, path: str) -> tuple[str, int]:
    """The first line of a version file that is no comment, and its number; nothing where there are several."""
    lines = [(line.strip(), n) for n, line in enumerate((repository.text(path) or "").split("\n"), 1)]
    said = [(line, n) for line, n in lines if line and not line.startswith("#")]
    return said[0] if len(said) == 1 else ("", 0)


def stated(language: str, version: str, path: str, line: int, rank: Rank) -> Finding:
    """A finding of a version that is written down."""
    return Finding(f"{language}_version", version, path, line, "stated", rank)


def line_for(language: str, version: str) -> str | None:
    """The line that a version belongs to, or the newest that a range takes; None where none is offered.

    `v22.4.1` is 22, `lts/jod` too, `>=3.10,<3.13` is 3.12, `temurin-21.0.4+7` is 21. Go and Rust are built by the
    newest compiler, which builds what an older one does.
    """
    text = version.strip().strip("\"'").lower()
    lines = LINES[language]
    if language in ("go", "rust"):
        match = re.search(r"(\d+)\.(\d+)", text)
        newest = tuple(int(part) for part in lines[0].split("."))
        return lines[0] if not match or (int(match[1]), int(match[2])) <= newest else None
    if language == "java":
        match = re.search(r"(?<![\d.])(?:1\.)?(\d{1,2})(?!\d)", text)
        return _java(int(match[1])) if match else None
    if language == "python":
        return _python(text)
    return _node(text)


def _python(text: str) -> str | None:
    match = re.fullmatch(r"(?:python-?|cpython-?)?(\d+)\.(\d+)(?:\.[\w*]+)?", text)
    if match:
        line = f"{match[1]}.{match[2]}"
        line = "3.10" if line == "3.1" else line  # what YAML makes of an unquoted 3.10
        return line if line in LINES["python"] else None
    try:
        ranges = SpecifierSet(_caret(text)) if len(text) < 100 else None
    except InvalidSpecifier:
        return None
    # A line fits where a late release of it does: >=3.10.4 takes 3.10.
    return next((line for line in LINES["python"] if ranges and ranges.contains(f"{line}.99")), None)


def _caret(text: str) -> str:
    """Poetry's `^3.10` and `~3.10` as PEP 440 writes them: https://python-poetry.org/docs/dependency-specification/."""
    text = re.sub(r"\^(\d+)((?:\.\d+)*)", lambda m: f">={m[1]}{m[2]},<{int(m[1]) + 1}", text)
    text = re.sub(
        r"(?<![=~!<>])~(\d+)\.(\d+)((?:\.\d+)*)", lambda m: f">={m[1]}.{m[2]}{m[3]},<{m[1]}.{int(m[2]) + 1}", text
    )
    return "" if text == "*" else text.replace(" || ", ",") if "||" not in text else text


def _node(text: str) -> str | None:
    text = text.removeprefix("node-").removeprefix("lts/")
    text = _NODE_NAMES.get(text, text)
    match = re.fullmatch(r"v?(\d+)(?:\.[\dx*]+){0,2}", text)
    if match:
        return match[1] if match[1] in LINES["node"] else None
    if text in ("latest", "lts", "current", "stable", "node", "lts_latest"):
        return LINES["node"][0]
    if len(text) > 100:
        return None
    try:
        return next((line for line in LINES["node"] if nodesemver.satisfies(f"{line}.99.0", text, loose=True)), None)
    except ValueError:
        return None


def _java(version: int) -> str | None:
    """Code of an older release runs on the next long-term one that is offered."""
    return next((line for line in reversed(LINES["java"]) if int(line) >= version), None)


def _values(data: Any, key: str, depth: int = 0) -> Iterator[str]:
    if depth > 12:
        return
    if isinstance(data, dict):
        for name, value in data.items():
            if name == key and isinstance(value, (str, int, float)) and "${{" not in str(value):
                yield str(value)
            else:
                yield from _values(value, key, depth + 1)
    elif isinstance(data, list):
        for value in data:
            yield from _values(value, key, depth + 1)

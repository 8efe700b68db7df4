"""Where a Node service listens, found in its entry file and in what that imports one step away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .files import Repository
from .finding import Finding, Rank
from .parse import mapping

_STEMS = (
    "server",
    "app",
    "index",
    "main",
    "bin/www",
    "src/server",
    "src/index",
    "src/main",
    "src/app",
    "app/server",
    "app/index",
    "server/index",
    "lib/server",
    "src/bin/www",
)
_ENDINGS = (".js", ".mjs", ".cjs", ".ts", ".mts", "")
_LISTENS = re.compile(r"\.listen\(|\bserve\(|createServer\(|NestFactory\.create|Bun\.serve")
_NUMBER = r"[\"']?(\d{2,5})[\"']?"
_PORTS = (
    re.compile(rf"\bPORT\b[\"'\])}}]*(?:\s+as\s+\w+)?\)?\s*,?\s*(?:\|\||\?\?|,)\s*{_NUMBER}"),
    re.compile(rf"\bPORT\b\s*:\s*[\w.]+\([^\n]{{0,100}}\.default\(\s*{_NUMBER}"),
    re.compile(
        rf"\bport\s*(?:=|:)\s*(?:parseInt\()?[^\n;]{{0,100}}?\bPORT\b[^\n;]{{0,100}}?(?:\|\||\?\?|:|,)\s*{_NUMBER}"
    ),
    re.compile(rf"\.listen\(\s*(?:\{{\s*port:\s*)?{_NUMBER}"),
    re.compile(rf"\b(?:Bun\.serve\(|export default )\{{[^}}]{{0,200}}?\bport:\s*{_NUMBER}"),
    re.compile(rf"\b(?:const|let|var)\s+(?:PORT|port)\s*(?::\s*\w+\s*)?=\s*{_NUMBER}"),
)
# The address as it is given to listen, or the name of a constant that holds it.
_LOOPBACK = re.compile(r"\.listen\([^;]{0,120}?[\"'](127\.0\.0\.1|localhost)[\"']")
_NAMED = re.compile(r"\.listen\(\s*(?:\{[^}]{0,120}?host(?:name)?:\s*(\w+)|[\w.]+,\s*(\w+))")
_IMPORT = re.compile(r"""(?:from\s+|require\(\s*|import\s+)["'](\.{1,2}/[\w./@-]+)["']""")
_HEALTH = re.compile(
    r"""\b(\w+)\.(?:get|all|use|route)\(\s*["'`](/(?:healthz?|livez|readyz|health_check|health-check|healthcheck|ping|up)/?)["'`]"""
)
_SOURCE = (".js", ".mjs", ".cjs", ".ts", ".mts")


def entry(repository: Repository, folder: str = "") -> tuple[str, int] | None:
    """The file of a folder that listens, among those that are usually called so, and the line where it does."""
    for path in _candidates(repository, f"{folder}/" if folder else ""):
        line = _line(_LISTENS, repository.text(path))
        if line:
            return path, line
    return None


def listens(repository: Repository, path: str) -> bool:
    """Whether a file, or one that it imports, opens a port."""
    return any(_line(_LISTENS, repository.text(one)) for one in near(repository, path.removeprefix("./")))


def find(repository: Repository, package: dict[str, Any], members: list[str]) -> Iterator[Finding]:
    """The port, the address, and the health path of the source; a port of a test or of a client is not looked at."""
    main = package.get("main")
    found = entry(repository) or next((there for one in members if (there := entry(repository, one))), None)
    started = re.search(r"\bnode (?:-\S+ )*(\S+\.[cm]?[jt]s)\b", str(mapping(package.get("scripts")).get("start")))
    named = [started[1] if started else "", found[0] if found else "", main if isinstance(main, str) else ""]
    first = repository.first(*(path.removeprefix("./") for path in named))
    if not first:
        return
    paths = near(repository, first)
    for path in paths:
        text = repository.text(path) or ""
        for pattern in _PORTS[:3] if path != paths[0] else _PORTS:
            match = pattern.search(text)
            if match and 0 < int(match[1]) < 65536:
                yield Finding("port", int(match[1]), path, _at(text, match), "derived", Rank.SOURCE)
                break
        match = _loopback(text)
        if match and path == paths[0]:
            yield Finding("loopback", match[1], path, _at(text, match), "stated", Rank.SOURCE)
        for match in _HEALTH.finditer(text):
            own = match[1] in ("app", "server", "fastify", "api")
            note = "" if own else "the router that has it may stand below another path"
            yield Finding("health", match[2], path, _at(text, match), "derived" if own else "guess", Rank.SOURCE, note)
    framework = mapping(package.get("dependencies"))
    if "@nestjs/core" in framework:
        yield from _nest(repository)


def near(repository: Repository, path: str) -> list[str]:
    """A file, and what it imports from beside it."""
    text = repository.text(path) or ""
    folder = path.rpartition("/")[0]
    found = [path]
    for match in list(_IMPORT.finditer(text))[:50]:
        there = _file(repository, _joined(folder, match[1]))
        if there and there not in found:
            found.append(there)
    return found


def _loopback(text: str) -> re.Match[str] | None:
    named = _NAMED.search(text)
    name = named and (named[1] or named[2])
    if not name:
        return _LOOPBACK.search(text)
    return re.search(rf"\b(?:const|let|var)\s+{name}\s*=\s*[\"'](127\.0\.0\.1|localhost)[\"']", text)


def _candidates(repository: Repository, base: str) -> Iterator[str]:
    for stem in _STEMS:
        for ending in _ENDINGS:
            if repository.has(f"{base}{stem}{ending}"):
                yield f"{base}{stem}{ending}"


def _file(repository: Repository, path: str) -> str | None:
    stem = re.sub(r"\.(js|mjs|cjs)$", "", path)
    tried = [path, *(f"{stem}{ending}" for ending in _SOURCE), *(f"{path}/index{ending}" for ending in _SOURCE)]
    return repository.first(*tried)


def _joined(folder: str, path: str) -> str:
    parts = folder.split("/") if folder else []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _nest(repository: Repository) -> Iterator[Finding]:
    """A controller of Nest named health: https://docs.nestjs.com/recipes/terminus, below the prefix of all routes."""
    main = repository.first("src/main.ts", "main.ts")
    text = repository.text(main) if main else ""
    prefixed = re.search(r"setGlobalPrefix\(|enableVersioning\(", text or "")
    for path in [p for p in repository.paths if p.endswith(".controller.ts")][:300]:
        source = repository.text(path) or ""
        match = re.search(r"""@Controller\(\s*["'`]/?(healthz?|ping|livez|readyz)["'`]""", source)
        if match and re.search(r"@Get\(\s*\)", source):
            note = "below the prefix or version that main.ts sets" if prefixed else ""
            certainty = "guess" if prefixed else "derived"
            yield Finding("health", f"/{match[1]}", path, _at(source, match), certainty, Rank.SOURCE, note)  # type: ignore[arg-type]


def _line(pattern: re.Pattern[str], text: str | None) -> int:
    match = pattern.search(text or "")
    return _at(text or "", match) if match else 0


def _at(text: str, match: re.Match[str]) -> int:
    return text.count("\n", 0, match.start()) + 1

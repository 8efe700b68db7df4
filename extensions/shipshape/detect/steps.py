"""What the steps of their Dockerfile say: how the service is built, of which part, and what must be installed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .dockerfile import Stage
from .finding import Finding, Rank

_BUILD = re.compile(
    r"\bmanage\.py (?!migrate|test|check|createsuperuser|shell)\w+|\bflask \w+ compile\b|\b(?:npx )?prisma generate\b"
    r"|\b(?:npm|pnpm|yarn|bun)(?: run)? (?:run )?build[\w:-]*"
)
# Which part of a repository is built: question, and where its answer stands in the command.
_PARTS = (
    ("rust_binary", re.compile(r"\bcargo (?:build|install)\b.*?\s--bin[= ]([\w-]+)")),
    ("rust_package", re.compile(r"\bcargo (?:build|install)\b.*?\s(?:-p|--package)[= ]([\w-]+)")),
    ("cargo_features", re.compile(r"\bcargo (?:build|install)\b.*?\s(?:-F|--features)[= ][\"']?([^\s\"']+)")),
    ("module", re.compile(r"\bmvnw? .*?\s(?:-pl|--projects)[= ]:?([\w./-]+)(?=\s|$)")),
    ("module", re.compile(r"\bgradlew? .*?:([\w-]+):(?:bootJar|build|assemble|jar|shadowJar|installDist)\b")),
)
_LONGEST = 10_000
_INSTALL = re.compile(r"\b(?:apt-get|apt|apk|dnf|microdnf|yum)\s+(?:-\S+\s+)*(?:install|add)\s+([^&|;]*)")
_PACKAGE = re.compile(r"^[a-z0-9][a-z0-9.+-]*(?:=\S+)?$")


def find(stages: list[Stage], path: str) -> Iterator[Finding]:
    """The findings of the RUN instructions, and of ENV where it says how Go is built."""
    yield from _built(stages, path)
    for stage in stages:
        for instruction in stage.instructions:
            text = " ".join([stage.expanded(instruction.value), *instruction.heredocs])[:_LONGEST]
            if instruction.keyword == "RUN":
                for fact, pattern in _PARTS:
                    match = pattern.search(text)
                    if match:
                        value = match[1].removesuffix("/main.go").rstrip("/")
                        yield Finding(fact, value, path, instruction.line, "stated", Rank.CONTAINER)
                package = _go_package(text)
                if package:
                    yield Finding("main_package", package, path, instruction.line, "stated", Rank.CONTAINER)
            linked = re.search(r"\bCGO_ENABLED[= ]([01])\b", text)
            if linked and instruction.keyword in ("RUN", "ENV"):
                yield Finding("cgo", linked[1] == "1", path, instruction.line, "stated", Rank.CONTAINER)
    for instruction in stages[-1].all("RUN"):
        for text in (instruction.value, *instruction.heredocs):
            for word in [word for match in _INSTALL.finditer(text) for word in match[1].split()]:
                if _PACKAGE.match(word):
                    yield Finding("packages", word.split("=")[0], path, instruction.line, "stated", Rank.CONTAINER)


def _go_package(text: str) -> str | None:
    """The package that `go build` is given: a folder below the module, after the options."""
    _, mark, rest = text.partition("go build")
    words = re.split(r"[;&|]", rest, maxsplit=1)[0].split() if mark else []
    for before, word in zip(["", *words], words, strict=False):
        match = re.fullmatch(r"(?:\./)?((?:cmd|app|apps|main|src)\b[\w./-]*)", word)
        if match and before != "-o":
            return re.sub(r"/?(?:main|\*)\.go$", "", match[1]).rstrip("/") or "."
    return None


def _built(stages: list[Stage], path: str) -> Iterator[Finding]:
    """The commands that build the service after its dependencies are installed."""
    found: dict[str, int] = {}
    for instruction in (one for stage in stages for one in stage.instructions if one.keyword == "RUN"):
        for text in (instruction.value, *instruction.heredocs):
            for part in re.split(r"&&|;|\n", text):
                if _BUILD.search(part) and not re.search(r"\$\{?\w|\|", part):
                    found.setdefault(" ".join(part.split()), instruction.line)
    if found:
        line = next(iter(found.values()))
        yield Finding("build_command", " && ".join(found), path, line, "stated", Rank.CONTAINER)

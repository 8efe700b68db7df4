"""What the steps of their Dockerfile say: how the service is built, of which part, and what must be installed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from .dockerfile import Instruction, Stage, assignments
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
_COMPILED = {
    "rust": re.compile(r"\bcargo (?:\S+ )?(?:build|install --path)\b"),
    "go": re.compile(r"\bgo (?:build|install \./)\b"),
}
_LONGEST = 10_000
# Settings of tools and of the image itself, which the service does not read.
_OF_TOOLS = re.compile(
    r"(?:PATH|HOME|PORT|LANG|TZ|NODE_ENV|DEBIAN_FRONTEND|VIRTUAL_ENV|JAVA_HOME|TERM|SHELL|USER)$|.*_VERSION$"
    r"|(?:PYTHON|PIP|POETRY|PIPENV|PDM|UV|LC|NPM|YARN|PNPM|BUN|GO|CGO|CARGO|RUSTUP|MAVEN|GRADLE|APT|NEXT_TELEMETRY)[A-Z_]*$"
)
_INSTALL = re.compile(r"\b(?:apt-get|apt|apk|dnf|microdnf|yum)\s+(?:-\S+\s+)*(?:install|add)\s+([^&|;]*)")
_PACKAGE = re.compile(r"^[a-z0-9][a-z0-9.+-]*(?:=\S+)?$")


def find(stages: list[Stage], path: str) -> Iterator[Finding]:
    """The findings of the RUN instructions, and of ENV where it says how Go is built."""
    yield from _built(stages, path)
    for stage in stages:
        for instruction in stage.instructions:
            text = " ".join([stage.expanded(instruction.value), *instruction.heredocs])[:_LONGEST]
            if instruction.keyword == "RUN":
                for language in [name for name, program in _COMPILED.items() if program.search(text)]:
                    yield Finding("built_language", language, path, instruction.line, "stated", Rank.CONTAINER)
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


def settings(stage: Stage) -> dict[str, tuple[str, int]]:
    """The settings that a stage brings along for the service: name to value and line."""
    return _set(stage, stage.all("ENV"))


def _set(stage: Stage, instructions: list[Instruction]) -> dict[str, tuple[str, int]]:
    found: dict[str, tuple[str, int]] = {}
    for instruction in [one for one in instructions if one.keyword == "ENV"]:
        for name, value in assignments(instruction, stage.values()).items():
            if not _OF_TOOLS.match(name):
                found[name] = (value, instruction.line)
    return found


def _built(stages: list[Stage], path: str) -> Iterator[Finding]:
    """The commands that build the service after its dependencies are installed, with the settings that they read."""
    found: dict[str, int] = {}
    known: dict[str, str] = {}
    for stage in stages:
        below = stage.base.all("ENV") if stage.base else []
        for place, instruction in enumerate(stage.instructions):
            before = len(found)
            for text in (instruction.value, *instruction.heredocs) if instruction.keyword == "RUN" else ():
                for part in re.split(r"&&|;|\n", text):
                    if _BUILD.search(part) and not re.search(r"\$\{?\w|\|", part):
                        found.setdefault(" ".join(part.split()), instruction.line)
            if len(found) > before:  # what is set behind it, it does not see
                read = _set(stage, [*below, *stage.instructions[:place]])
                known |= {name: value for name, (value, _) in read.items() if "$" not in value}
    if found:
        line = next(iter(found.values()))
        exported = (
            [f"export {' '.join(f'{name}={shlex.quote(value)}' for name, value in known.items())}"] if known else []
        )
        yield Finding("build_command", " && ".join([*exported, *found]), path, line, "stated", Rank.CONTAINER)

"""Reads a Dockerfile into instructions and stages: https://docs.docker.com/reference/dockerfile/.

dockerfile-parse (2023) knows no heredocs, and `docker buildx build --call=outline` needs an engine; so it is read here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

_MOST = 2000  # instructions of one file
_MOST_STAGES = 100
_LONGEST = 10_000  # of a value with its variables filled in, that one line can double
_DIRECTIVE = re.compile(r"#\s*(\w+)\s*=\s*(\S+)\s*$")
_HEREDOC = re.compile(r"<<(-?)(['\"]?)([A-Za-z_][\w.]*)\2")
_VARIABLE = re.compile(r"\\\$|\$(?:\{(\w+)(?:(:?[-+])([^{}]*))?\}|(\w+))")
_PAIR = re.compile(r"""([\w.-]+)=((?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\])*)""")
_FROM = re.compile(r"(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE)
_FLAG = re.compile(r"--([a-z-]+)(?:=(\S+))?\s+")


@dataclass(frozen=True)
class Instruction:
    """One instruction: `keyword` in upper case, `value` without its flags and on one line, the `line` it begins in."""

    keyword: str
    value: str
    line: int
    flags: tuple[tuple[str, str], ...] = ()
    heredocs: tuple[str, ...] = ()

    @property
    def words(self) -> list[str] | None:
        """The words of the exec form; None where it is in shell form."""
        try:
            words = json.loads(self.value) if self.value.startswith("[") else None
        except (ValueError, RecursionError):
            return None
        return words if isinstance(words, list) and all(isinstance(word, str) for word in words) else None


@dataclass
class Stage:
    """What follows a FROM: `image` with its ARGs filled in, `base` the stage of this file that it builds on, if any."""

    image: str
    name: str
    line: int
    base: Stage | None = None
    instructions: list[Instruction] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)

    def all(self, *keywords: str) -> list[Instruction]:
        """The instructions of these keywords, with those of the stages below it, in their order."""
        below = self.base.all(*keywords) if self.base else []
        return below + [one for one in self.instructions if one.keyword in keywords]

    def last(self, keyword: str) -> Instruction | None:
        """The instruction that counts, for those of which the last one does."""
        found = self.all(keyword)
        return found[-1] if found else None

    def expanded(self, text: str) -> str:
        """The text with the ARG and ENV values of this stage and those below it filled in."""
        return expand(text, self.values())

    def values(self) -> dict[str, str]:
        """Name to value of each ARG that has a default, and of each ENV."""
        return {**(self.base.values() if self.base else {}), **self.variables}


def parse(text: str) -> list[Instruction]:
    """The instructions of a Dockerfile, in order; what is malformed is kept as it is or left out, and never raises."""
    lines = text.split("\n")
    escape = _escape(lines)
    return list(islice(_instructions(lines, escape), _MOST))


def stages(text: str) -> list[Stage]:
    """The stages of a Dockerfile, the last one being what it builds."""
    found: list[Stage] = []
    outside: dict[str, str] = {}  # ARGs before the first FROM, which every FROM sees
    for one in parse(text):
        if one.keyword == "FROM":
            if len(found) == _MOST_STAGES:
                break
            match = _FROM.match(one.value)
            image, name = (match[1], match[2] or "") if match else ("", "")
            image = expand(image, outside)
            base = next((stage for stage in found if stage.name and stage.name == image.lower()), None)
            found.append(Stage(image, name.lower(), one.line, base))
        elif one.keyword == "ARG" and not found:
            outside.update(_assignments(one.value, outside))
        elif found:
            stage = found[-1]
            stage.instructions.append(one)
            if one.keyword == "ARG":
                name, _, value = one.value.partition("=")
                values = {name: outside[name]} if not value and name in outside else {}
                stage.variables.update(_assignments(one.value, stage.values()) or values)
            elif one.keyword == "ENV":
                stage.variables.update(_assignments(one.value, stage.values()))
    return found


def assignments(instruction: Instruction, values: dict[str, str] | None = None) -> dict[str, str]:
    """Name to value of an ENV, LABEL or ARG."""
    return _assignments(instruction.value, values or {})


def expand(text: str, values: dict[str, str]) -> str:
    """Fill in `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+other}`; what has no value stays as it is."""

    def value(match: re.Match[str]) -> str:
        name, operator, word = match[1] or match[4], match[2] or "", match[3] or ""
        if not name:
            return match[0]
        known = values.get(name)
        there = bool(known) if operator.startswith(":") else known is not None
        if operator.endswith("-"):
            return known if there and known is not None else word
        if operator.endswith("+"):
            return word if there else ""
        return match[0] if known is None else known

    expanded = _VARIABLE.sub(value, text)
    return expanded if len(expanded) <= _LONGEST else text


def _escape(lines: list[str]) -> str:
    for line in lines:
        match = _DIRECTIVE.match(line.strip())
        if not match:
            return "\\"
        if match[1].lower() == "escape":
            return match[2]
    return "\\"


def _instructions(lines: list[str], escape: str) -> Iterator[Instruction]:
    index = 0
    while index < len(lines):
        start = index
        parts: list[str] = []
        while index < len(lines):
            line = lines[index].strip()
            index += 1
            if line.startswith("#") or (parts and not line):
                continue  # comments and empty lines may stand within an instruction
            parts.append(line.removesuffix(escape).rstrip())
            if not line.endswith(escape):
                break
        keyword, _, value = " ".join(part for part in parts if part).partition(" ")
        if not keyword:
            continue
        first = next(
            (i for i in range(start, index) if lines[i].strip() and not lines[i].strip().startswith("#")), start
        )
        flags, value = _flags(value.strip())
        documents: list[str] = []
        if keyword.upper() in ("RUN", "COPY", "ADD"):
            for dash, _, end in _HEREDOC.findall(value):
                body, index = _document(lines, index, end, bool(dash))
                documents.append(body)
        yield Instruction(keyword.upper(), value, first + 1, tuple(flags), tuple(documents))


def _document(lines: list[str], index: int, end: str, tabs: bool) -> tuple[str, int]:
    body: list[str] = []
    while index < len(lines):
        line = lines[index].lstrip("\t") if tabs else lines[index]
        index += 1
        if line == end:
            break
        body.append(line)
    return "\n".join(body), index


def _flags(value: str) -> tuple[list[tuple[str, str]], str]:
    flags: list[tuple[str, str]] = []
    while match := _FLAG.match(value):
        flags.append((match[1], match[2] or ""))
        value = value[match.end() :]
    return flags, value


def _assignments(value: str, values: dict[str, str]) -> dict[str, str]:
    pairs = _PAIR.findall(value)
    if not pairs:  # ENV NAME value, the old form
        name, _, rest = value.partition(" ")
        pairs = [(name, rest.strip())] if rest.strip() else []
    return {name: expand(_unquoted(text), values) for name, text in pairs}


def _unquoted(text: str) -> str:
    return re.sub(r"""(["'])(.*?)\1""", r"\2", text)

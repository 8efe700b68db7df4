"""A Dockerfile, read with its lines: https://docs.docker.com/reference/dockerfile/."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_ESCAPE = re.compile(r"^#\s*escape\s*=\s*(\S)", re.IGNORECASE)
_HEREDOC = re.compile(r"<<-?\s*(['\"]?)([A-Za-z_]\w*)\1")
_FLAG = re.compile(r"--([\w-]+)(?:=(\S+))?\s+")
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?[-+][^}]*)?\}|(\w+))")
_TRIAL = re.compile(r"(^|[-_])(dev|develop|development|debug|tests?|testing|lint|ci)([-_]|$)")
_DEFAULT = re.compile(r"\$\{\w+:-([^}]*)\}")


@dataclass(frozen=True)
class Instruction:
    """`RUN --mount=… command`: its name in capitals, flags (each may be there often), the rest as one line.

    `lines` has the number and the text of each line that it stands on, `body` its here-documents.
    """

    name: str
    value: str
    lines: list[tuple[int, str]]
    flags: list[tuple[str, str]] = field(default_factory=list)
    body: str = ""

    @property
    def line(self) -> int:
        """Where it begins."""
        return self.lines[0][0]

    def line_of(self, pattern: re.Pattern[str]) -> int:
        """The first of its lines that the pattern is found in; its own where it is found in none alone."""
        return next((number for number, text in self.lines if pattern.search(text)), self.line)

    def flag(self, name: str) -> str:
        """The value of the first flag of that name; empty where there is none."""
        return next((value for flag, value in self.flags if flag == name), "")

    @property
    def words(self) -> list[str]:
        """What stands in the exec form, or else between blanks."""
        return self.exec_form or self.value.split()

    @property
    def exec_form(self) -> list[str]:
        """The words of `["a", "b"]`; empty for the shell's form."""
        try:
            words = json.loads(self.value) if self.value.startswith("[") else []
        except ValueError:
            return []
        return [str(word) for word in words]


@dataclass(frozen=True)
class Stage:
    """What follows a FROM; `image` with its variables' defaults, `base` the stage that it builds on, if it is one."""

    line: int
    image: str
    name: str
    instructions: list[Instruction]
    base: Stage | None = None

    @property
    def known(self) -> bool:
        """Whether the image is named without a variable that only the builder sets."""
        return "$" not in self.image

    def lineage(self) -> Iterator[Stage]:
        """The stage itself, the one that it builds on, and so on."""
        stage: Stage | None = self
        while stage:
            yield stage
            stage = stage.base

    def last(self, name: str) -> Instruction | None:
        """The instruction of a name that counts: the last of this stage, or of those that it builds on."""
        for stage in self.lineage():
            for instruction in reversed(stage.instructions):
                if instruction.name == name:
                    return instruction
        return None


@dataclass(frozen=True)
class Dockerfile:
    """Its path in the repository, and its stages; none where there is no FROM."""

    path: str
    stages: list[Stage]

    @property
    def final(self) -> Stage:
        """What is built where no target is named; before it, where the last one is by its name for developers."""
        return next((stage for stage in reversed(self.stages) if not _TRIAL.search(stage.name)), self.stages[-1])

    def instructions(self, *names: str) -> Iterator[Instruction]:
        """Those of these names, in all stages."""
        for stage in self.stages:
            yield from (one for one in stage.instructions if one.name in names)

    def reaches_out(self, source: str) -> bool:
        """Whether `COPY --from=source` names an image, and no stage."""
        return bool(source) and not source.isdigit() and source not in {stage.name for stage in self.stages}


def read(path: str, text: str) -> Dockerfile:
    """Read any text: what is no instruction is left out, as it is for others to say."""
    stages: list[Stage] = []
    arguments: dict[str, str] = {}
    for one in _instructions(text):
        if one.name == "FROM":
            words = one.value.split()
            image = _expanded(words[0], arguments) if words else ""
            named = len(words) >= 3 and words[1].lower() == "as"
            base = next((stage for stage in reversed(stages) if stage.name == image.lower()), None)
            stages.append(Stage(one.line, image, words[2].lower() if named else "", [], base))
        elif stages:
            stages[-1].instructions.append(one)
        elif one.name == "ARG":
            name, given, default = one.value.partition("=")
            arguments |= {name.strip(): _expanded(default.strip("\"' "), arguments)} if given else {}
    return Dockerfile(path, stages)


def _expanded(text: str, arguments: dict[str, str]) -> str:
    known = _VARIABLE.sub(lambda match: arguments.get(match[1] or match[2], match[0]), text)
    return _DEFAULT.sub(lambda match: match[1], known)


def _instructions(text: str) -> Iterator[Instruction]:
    rows = [(number, row) for number, row in enumerate(text.removeprefix("\ufeff").splitlines(), 1)]
    escape = next((match[1] for _, row in rows[:3] if (match := _ESCAPE.match(row))), "\\")
    position = 0
    while position < len(rows):
        taken: list[tuple[int, str]] = []
        goes_on = True
        while goes_on and position < len(rows):
            number, row = rows[position]
            position += 1
            if row.lstrip().startswith("#") or (taken and not row.strip()):
                continue
            goes_on = row.rstrip().endswith(escape)
            taken.append((number, row.rstrip().removesuffix(escape) if goes_on else row))
            if not row.strip():
                taken.clear()
                break
        if not taken:
            continue
        body: list[str] = []
        joined = " ".join(row.strip() for _, row in taken)
        name, _, value = joined.partition(" ")
        if name.upper() in {"RUN", "COPY", "ADD"}:
            for _, end in _HEREDOC.findall(value):
                while position < len(rows) and rows[position][1].strip() != end:
                    body.append(rows[position][1])
                    taken.append(rows[position])
                    position += 1
                position += 1
        flags = []
        value = value.lstrip()
        while match := _FLAG.match(value):
            flags.append((match[1], match[2] or ""))
            value = value[match.end() :]
        yield Instruction(name.upper(), value.strip(), taken, flags, "\n".join(body))

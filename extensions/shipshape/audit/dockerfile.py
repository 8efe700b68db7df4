"""A Dockerfile with its path: the stages, and where in the text something stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..detect.dockerfile import Instruction, Stage, stages

__all__ = ["Dockerfile", "Instruction", "Stage", "bottom", "flag", "read", "words"]

_TRIAL = re.compile(r"(^|[-_])(dev|develop|development|debug|tests?|testing|lint|ci)([-_]|$)")


@dataclass(frozen=True)
class Dockerfile:
    """Its path in the repository, its stages (none where there is no FROM), and its lines."""

    path: str
    stages: list[Stage]
    rows: list[str]

    @property
    def final(self) -> Stage:
        """What is built where no target is named; before it, where the last one is by its name for developers."""
        return next((stage for stage in reversed(self.stages) if not _TRIAL.search(stage.name)), self.stages[-1])

    def instructions(self, *keywords: str) -> Iterator[Instruction]:
        """Those of these keywords, in all stages."""
        for stage in self.stages:
            yield from (one for one in stage.instructions if one.keyword in keywords)

    def line_of(self, instruction: Instruction, pattern: re.Pattern[str]) -> int:
        """The first line of an instruction that the pattern is found in; its own where no line has all of it."""
        starts = [one.line for stage in self.stages for one in stage.instructions]
        starts += [stage.line for stage in self.stages]
        end = min((start for start in starts if start > instruction.line), default=len(self.rows) + 1)
        lines = range(instruction.line, end)
        return next((line for line in lines if pattern.search(self.rows[line - 1])), instruction.line)

    def reaches_out(self, source: str) -> bool:
        """Whether `COPY --from=source` names an image, and no stage."""
        return bool(source) and not source.isdigit() and source.lower() not in {stage.name for stage in self.stages}


def read(path: str, text: str) -> Dockerfile:
    """Read any text: what is no instruction is left out, as it is for others to say."""
    return Dockerfile(path, stages(text), text.split("\n"))


def bottom(stage: Stage) -> Stage:
    """The stage below, and below that, that builds on an image."""
    while stage.base:
        stage = stage.base
    return stage


def flag(instruction: Instruction, name: str) -> str:
    """The value of the first flag of that name; empty where there is none."""
    return next((value for key, value in instruction.flags if key == name), "")


def words(instruction: Instruction) -> list[str]:
    """What stands in the exec form, or else between blanks."""
    return instruction.words or instruction.value.split()

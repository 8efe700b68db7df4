"""From what was read to the answers that the template is rendered with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..detect import Finding, Report

# The template's question, and what is answered where nothing is found; None: it must be asked.
DEFAULTS: dict[str, Any] = {
    "language": None,
    "language_version": None,
    "manager": None,
    "start_command": None,
    "build_command": "",
    "test_command": "",
    "lint_command": "",
    "port": None,
    "health": "tcp",
    "metrics": "",
    "json_logs": False,
    "sources": None,
    "writable_folders": [],
    "data_folders": [],
}
# Questions of one language.
OF_LANGUAGES: dict[str, dict[str, Any]] = {
    "go": {"main_package": ".", "cgo": False},
    "java": {"module": "."},
    "rust": {"rust_package": None, "rust_binary": None, "linker": "none"},
}
# What is said by a Dockerfile of theirs, while it stays.
OF_THE_IMAGE = ["start_command", "build_command", "test_command", "lint_command", "sources", "module", "main_package"]
OF_THE_IMAGE += ["cgo", "rust_package", "rust_binary", "linker"]
# Where they are, depends on whose Dockerfile it is.
FOLDERS = ("writable_folders", "data_folders")
# Asked of everybody, and read where a manifest says it.
DESCRIBED = ("service_description", "repository")


@dataclass(frozen=True)
class Answer:
    """What a question would be answered with, and why; without a finding it is a default, or a gap where it is None."""

    name: str
    value: Any
    finding: Finding | None

    @property
    def open(self) -> bool:
        """Whether its owner must be asked: nothing is known, or it is a guess."""
        return self.value is None or (self.finding is not None and self.finding.certainty == "guess")


def answers(report: Report) -> list[Answer]:
    """The answers of the template's questions, in the order in which they are asked."""
    language = report.value("language")
    names = {**DEFAULTS, **OF_LANGUAGES.get(language, {})}
    if language == "other":
        names = {name: default for name, default in names.items() if name not in [*OF_THE_IMAGE, "language_version"]}
    found = [Answer(name, report.value(name, default), report.facts.get(name)) for name, default in names.items()]
    return found + [Answer(n, report.value(n), report.facts[n]) for n in DESCRIBED if n in report.facts]


def in_their_image(answers: dict[str, Any], report: Report) -> dict[str, Any]:
    """The answers while their Dockerfile stays: a folder below the service's is below the WORKDIR that it says."""
    workdir = str(report.value("workdir", "")).rstrip("/")
    return answers | _moved(answers, lambda one: one if one.startswith("/") else f"{workdir}/{one}")


def in_ours(answers: dict[str, Any], report: Report) -> dict[str, Any]:
    """And those once it is replaced."""
    workdir = str(report.value("workdir", "/app")).rstrip("/")
    return answers | _moved(answers, lambda one: one.removeprefix(f"{workdir}/"))


def _moved(answers: dict[str, Any], move: Callable[[str], str]) -> dict[str, Any]:
    folders = {name: answers.get(name) for name in FOLDERS}
    return {name: [move(str(one)) for one in value] for name, value in folders.items() if isinstance(value, list)}

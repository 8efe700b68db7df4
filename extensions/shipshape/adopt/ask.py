"""Asks its owner what nothing says, and what is a guess."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import questionary
import yaml

from .answers import Answer
from .show import printable, shown
from .stop import StopError

_HELP = {
    "language": "Which language?",
    "language_version": "Which version of the language?",
    "manager": "Which package manager?",
    "start_command": "What starts it? (no shell reads it)",
    "build_command": "What builds it, after its dependencies are installed? (or empty)",
    "port": "Which port does it listen on?",
    "health": "Which path tells whether it is healthy? (/healthz, or tcp where none does)",
    "main_package": "Which package is its main one?",
    "module": "Which module is the service?",
    "rust_package": "Which package has it?",
    "rust_binary": "Which of its binaries is the service?",
}


class _Loader(yaml.SafeLoader):
    """YAML without numbers that have a point, and without dates: `3.10` is a version, and no 3.1."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in several if not tag.endswith((":float", ":timestamp"))]
    for first, several in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def given(path: Path | None, data: list[str]) -> dict[str, Any]:
    """The answers of a YAML file and of NAME=VALUE pairs, whose values are YAML too."""
    found: dict[str, Any] = {}
    try:
        if path:
            found = yaml.load(path.read_text(), _Loader) or {}  # noqa: S506 (a safe one)
        for pair in data:
            name, _, value = pair.partition("=")
            found[name] = yaml.load(value, _Loader) if value else ""  # noqa: S506 (a safe one)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise StopError("usage", f"the answers can't be read: {' '.join(str(error).split())}") from error
    if not isinstance(found, dict):
        raise StopError("usage", f"{path} must hold names and values: port: 8080")
    return found


def ask(found: list[Answer]) -> dict[str, Any]:
    """The answers to what is open, from a terminal; StopError when the user gives up."""
    answers: dict[str, Any] = {}
    for one in [one for one in found if one.open]:
        why = f"{one.finding.place} {one.finding.note}".strip() if one.finding else "nothing says it"
        text = questionary.text(
            f"{_HELP.get(one.name, one.name)} [{printable(why)}]",
            default="" if one.value is None else shown(one.value) if one.value != "" else "",
        ).ask()
        if text is None:
            raise StopError("given_up", "given up: nothing was written")
        answers[one.name] = converted(one, text)
    return answers


def converted(one: Answer, text: str) -> Any:
    """The text in the form of the question: a number for a port, a list for folders."""
    if one.name == "port":
        if not text.isdigit():
            raise StopError("usage", f"port: use a number from 1025 to 65535, not {text}")
        return int(text)
    if isinstance(one.value, list):
        return [part.strip() for part in text.split(",") if part.strip()]
    if isinstance(one.value, bool):
        return text.lower() in ("y", "yes", "true")
    return text

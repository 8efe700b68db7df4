"""Figures that the tests measure; printed at the end, never a reason to fail."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE = "SHIPSHAPE_FIGURES"  # a file of all the workers of a run


def note(subject: str, what: str, value: float, unit: str) -> None:
    if path := os.environ.get(FILE):
        with Path(path).open("a") as file:
            file.write(json.dumps([subject, what, f"{value:.3g} {unit}"]) + "\n")


@contextmanager
def timed(subject: str, what: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    note(subject, what, time.monotonic() - start, "s")


def table(path: Path) -> list[str]:
    """One line per subject, in the order measured."""
    figures: dict[str, dict[str, str]] = {}
    for line in path.read_text().splitlines():
        subject, what, value = json.loads(line)
        figures.setdefault(subject, {})[what] = value
    return [f"{subject}: " + ", ".join(f"{k} {v}" for k, v in row.items()) for subject, row in figures.items()]

"""Figures that the tests measure; printed at the end, never a reason to fail."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

_figures: dict[str, dict[str, str]] = {}


def note(subject: str, what: str, value: float, unit: str) -> None:
    _figures.setdefault(subject, {})[what] = f"{value:.3g} {unit}"


@contextmanager
def timed(subject: str, what: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    note(subject, what, time.monotonic() - start, "s")


def table() -> list[str]:
    """One line per subject, in the order measured."""
    return [f"{subject}: " + ", ".join(f"{k} {v}" for k, v in row.items()) for subject, row in _figures.items()]

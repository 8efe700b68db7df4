"""Which tests are not in every run: `tests/thorough.yml` names them and says why, `make thorough` runs them."""

import re
from dataclasses import dataclass
from functools import cache

import yaml

from tests.support.paths import ROOT


@dataclass(frozen=True)
class Entry:
    """Tests by a pattern of their ids; whether these are all of their functions; rows of pins that only they need."""

    why: str
    tests: str
    whole: bool = False
    images: tuple[str, ...] = ()

    def has(self, node: str) -> bool:
        return re.fullmatch(self.tests, node) is not None


@cache
def entries() -> tuple[Entry, ...]:
    return tuple(Entry(**entry) for entry in yaml.safe_load((ROOT / "tests/thorough.yml").read_text()))


def place(node: str) -> int | None:
    """The place in the file of the entry that has a test, by its id; None where every run has it."""
    return next((number for number, entry in enumerate(entries()) if entry.has(node)), None)


def is_thorough(node: str) -> bool:
    """Whether a test, by its id, is left to `make thorough`."""
    return place(node) is not None


def images() -> set[str]:
    """Names of images in the table of pins that no test of every run needs."""
    return {image for entry in entries() for image in entry.images}

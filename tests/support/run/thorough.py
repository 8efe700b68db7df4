"""Which tests are not in every run: `tests/thorough.yml` names them and says why, `make thorough` runs them."""

import re
from functools import cache

import yaml

from tests.support.paths import ROOT


@cache
def patterns() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(entry["tests"]) for entry in yaml.safe_load((ROOT / "tests/thorough.yml").read_text()))


def is_thorough(node: str) -> bool:
    """Whether a test, by its id, is left to `make thorough`."""
    return any(pattern.fullmatch(node) for pattern in patterns())

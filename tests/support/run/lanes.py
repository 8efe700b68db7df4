"""Which tests with an engine share something: they run one after the other, in one of the lanes.

Not by xdist's `--dist loadgroup`: 3.8.0 writes the group into `Item._nodeid`, which pytest 9.2 does not read any more;
so every test goes anywhere, in silence.
"""

from collections.abc import Iterable

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling  # type: ignore[import-untyped]

from tests.support.run import thorough
from tests.support.run.layers import budgets, layer_of

BY_LANGUAGE = {"image", "compose"}  # where each language has names and ports of its own
# Files with services of their own, which wait most of their time: beside the rest of their layer.
APART = dict.fromkeys(("tests/cluster/test_failure.py", "tests/cluster/test_rollout.py"), "cluster versions")
LONGEST = ["cluster", "cluster versions"]  # begun first, or the other lanes wait for them in the end


def group_of(node: str) -> str:
    """A layer, or in it a language: `tests/image/test_load.py::test_x[go-1.27]` is of `image go`."""
    if apart := APART.get(node.partition("::")[0]):
        return apart
    layer = layer_of(node)
    if layer not in BY_LANGUAGE or "[" not in node:
        return layer
    return f"{layer} {node.rpartition('[')[2].partition('-')[0].rstrip(']')}"


def image_of(item: pytest.Item) -> str:
    """Of tests/image: which service a test asks, as text; those of one follow each other.

    pytest itself groups by a parameter's place in its list, which is another in each list: so all that waits for 75
    seconds began anew whenever a test of a service with a cache came between (tests/image/waits.py).
    """
    callspec = getattr(item, "callspec", None)
    return str(callspec.params.get("service", "")) if callspec and layer_of(item.nodeid) == "image" else ""


def turn(node: str) -> int:
    """When a test has its turn: the longest groups first, then the layers in their order, then the thorough tests."""
    order = [*LONGEST, *budgets("real")]
    if (place := thorough.place(node)) is not None:
        return len(order) + 1 + place
    group = group_of(node)
    name = group if group in LONGEST else layer_of(node)
    return order.index(name) if name in order else len(order)


def turns(nodes: Iterable[str]) -> dict[str, int]:
    """The turn of each test: that of the first of its group, whose tests stay together."""
    own = {node: turn(node) for node in nodes}
    first: dict[str, int] = {}
    for node, number in own.items():
        first[group_of(node)] = min(number, first.get(group_of(node), number))
    return {node: first[group_of(node)] for node in own}


class Lanes(LoadScopeScheduling):  # type: ignore[misc]
    """Gives a worker one group after the other."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Lanes | None:
    """Layers with an engine side by side, where they share nothing."""
    chosen = str(config.getoption("markexpr"))
    return Lanes(config, log) if chosen.startswith(("engine", "thorough")) else None

"""The layers of the tests, in the order of their cost: where each is, and how long it may take on two cores."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Layer:
    """A folder of tests, and its budget in seconds: of the work of its tests, one after the other, caches warm."""

    name: str
    budget: float


# Of a whole run, by the clock.
RUNS = {"quick": 120, "real": 1320}
QUICK = [
    Layer(name, budget)
    for name, budget in {
        "questions": 40, "render": 30, "contract": 30, "tool": 15, "lint": 60, "kubernetes": 45,
        "ecs": 55, "dashboards": 40, "update": 90, "host": 5, "pipeline": 10, "demo": 5, "workflows": 15,
        "registries": 10, "services": 90, "detect": 20, "audit": 50, "adopt": 60,
    }.items()
]  # fmt: skip
REAL = [
    Layer(name, budget)
    for name, budget in {
        "cluster": 1030, "host": 330, "image": 420, "compose": 300, "pipeline": 240, "events": 240,
        "lint": 60, "demo": 60, "services": 90, "adopt": 480, "kubernetes": 30,
    }.items()
]  # fmt: skip


def layer_of(node: str) -> str:
    """The layer of a test's id: tests/image/test_load.py::… is of `image`."""
    return node.split("/")[1] if node.startswith("tests/") else node


def budgets(run: str) -> dict[str, float]:
    return {layer.name: layer.budget for layer in (QUICK if run == "quick" else REAL)}

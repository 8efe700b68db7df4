"""How long each layer took, its slowest tests, and its budget: printed by a run, never a reason to fail.

`make` names a file in which its runs keep their times; `python -m tests.support.run.budgets FILE` prints them together.
"""

import json
import os
import sys
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.support.run.layers import RUNS, budgets, layer_of

FILE, RUN = "SHIPSHAPE_TIMES", "SHIPSHAPE_RUN"
SLOWEST = 10
RED, PLAIN = "\033[31m", "\033[0m"


@dataclass
class Times:
    """A run of pytest: `quick` or `real`, its seconds by the clock, and the seconds of each test by its id."""

    run: str
    seconds: float = 0
    load: float = 0
    tests: dict[str, float] = field(default_factory=dict)

    def add(self, node: str, seconds: float) -> None:
        self.tests[node] = self.tests.get(node, 0) + seconds


@dataclass(frozen=True)
class Line:
    text: str
    over: bool = False


def keep(times: Times) -> None:
    if path := os.environ.get(FILE):
        with Path(path).open("a") as file:
            file.write(json.dumps(asdict(times)) + "\n")


def kept(path: Path) -> list[Times]:
    return [Times(**json.loads(line)) for line in path.read_text().splitlines()]


def row(name: str, seconds: float, budget: float | None, note: str = "") -> Line:
    if budget is None:
        return Line(f"{name:<14}{seconds:>8.0f} s   no budget yet{note}")
    over = seconds > budget
    return Line(f"{name:<14}{seconds:>8.0f} s of {budget:>5.0f} s   {'OVER' if over else 'under'}{note}", over)


def table(times: Times) -> list[Line]:
    """A row for the run, and for each layer its row and its slowest tests."""
    layers: dict[str, dict[str, float]] = defaultdict(dict)
    for node, seconds in times.tests.items():
        layers[layer_of(node)][node] = seconds
    whole = len(layers) > 1  # one layer alone is not the run that the budget is for
    load = f", by the clock; load {times.load:.1f} at its end"
    lines = [row(times.run, times.seconds, RUNS.get(times.run) if whole else None, load)]
    known = budgets(times.run)
    for name in sorted(layers, key=lambda name: -sum(layers[name].values())):
        tests = layers[name]
        lines.append(row(f"  {name}", sum(tests.values()), known.get(name), f", {len(tests)} tests"))
        slowest = sorted(tests.items(), key=lambda item: -item[1])[:SLOWEST]
        lines += [Line(f"    {seconds:>8.1f} s  {node}") for node, seconds in slowest if seconds >= 1]
    return lines


def main(path: Path) -> None:
    colour = sys.stdout.isatty() or bool(os.environ.get("CI"))
    runs = kept(path)
    for times in runs:
        for line in table(times):
            print(f"{RED}{line.text}{PLAIN}" if line.over and colour else line.text)
    print(row("all", max(times.seconds for times in runs), sum(RUNS.values()) + 60, ", side by side").text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""docs/costs.md: its sums are right, and made of the prices that it names and of the sizes that are rendered."""

import ast
import json
import operator
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.support.paths import ROOT
from tests.support.render import TEMPLATE

TEXT = (ROOT / "docs/costs.md").read_text()
SUMS = re.findall(r"^\| (.+?) \| `([^`]+)` \| ([\d.]+) \|$", TEXT, re.MULTILINE)
PRICES = re.findall(r"^\| [^|]+ \| ([\d.]+) \| \[[^\]]+\]\(https://", TEXT, re.MULTILINE)
OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {ast.Add: operator.add, ast.Mult: operator.mul}


def value(node: ast.expr) -> float:
    """Of a sum of products; raises KeyError for anything else."""
    if isinstance(node, ast.Constant):
        return float(str(node.value))
    assert isinstance(node, ast.BinOp)
    return OPERATORS[type(node.op)](value(node.left), value(node.right))


@pytest.mark.parametrize(("what", "made_of", "result"), SUMS, ids=[what[:30] for what, _, _ in SUMS])
def test_a_sum_is_right(what: str, made_of: str, result: str) -> None:
    assert f"{value(ast.parse(made_of, mode='eval').body):.2f}" == result, what


def test_each_price_is_used_and_each_that_is_used_has_a_source() -> None:
    used = {number for _, made_of, _ in SUMS for number in re.findall(r"[\d.]+", made_of)}
    assert set(PRICES) <= used
    counts = {"2", "20", "730", "0.25", "0.5"}  # tasks, GB, hours, and what a task has
    counts |= {"3600", "1000000", "0.01", "0.8", "0.55"}  # seconds, requests, how long each takes, and kB that it logs
    assert used - set(PRICES) == counts


def test_the_sizes_are_those_of_a_fresh_rendering(rendered: Callable[[Answers], Path]) -> None:
    answers = {"language": "python", "registry": "ghcr", "orchestrator": "ecs", "ecs_database": "rds"}
    folder = rendered(answers) / "deploy/ecs"
    given = json.loads((folder / "parameters/production.json").read_text())["Parameters"]
    assert (given["MinTasks"], given["DatabaseClass"], given["DatabaseMultiAz"]) == ("2", "db.t4g.medium", "true")
    assert given["DatabaseStorage"] == "20"
    task = (folder / "service.yml").read_text()
    assert re.findall(r"^ +(?:Cpu|Memory): \"?(\d+)", task, re.MULTILINE) == ["256", "512"]
    function = rendered({"language": "python", "orchestrator": "lambda"}) / "deploy/lambda/parameters/production.json"
    given = json.loads(function.read_text())["Parameters"]
    assert (given["MemoryMegabytes"], given["ProvisionedConcurrency"]) == ("1024", "0")
    assert TEMPLATE.table("platform_sets")["linux/amd64"]["machine"]["type"] == "t3.small"

"""No line of any file depends on three answers: so sets in which every two answers meet show what all would show."""

from collections import defaultdict
from collections.abc import Callable
from itertools import combinations, product
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.support.render import TEMPLATE
from tests.support.render.answers import possible

# Two choices of each question are enough: a line that depends on it differs between them.
LANGUAGES, ORCHESTRATORS = ["python", "go"], list(TEMPLATE.table("orchestrators"))
SETS: list[dict[str, list[str]]] = [
    {
        "language": LANGUAGES,
        "registry": ["ghcr", "ecr"],
        "platforms": list(TEMPLATE.table("platform_sets"))[:2],
        "orchestrator": ORCHESTRATORS,
    },
    {"language": LANGUAGES, "orchestrator": ORCHESTRATORS, "database": list(TEMPLATE.table("databases"))},
]


@pytest.mark.parametrize("questions", SETS, ids="-".join)
def test_no_line_depends_on_three_answers(questions: dict[str, list[str]], rendered: Callable[[Answers], Path]) -> None:
    rows = [dict(zip(questions, values, strict=True)) for values in product(*questions.values())]
    rows = [row for row in rows if possible(row)]
    where: dict[tuple[Path, str], set[int]] = defaultdict(set)  # a line of a file, and the rows that have it
    for number, answers in enumerate(rows):
        project = rendered(answers)
        for path in filter(Path.is_file, project.rglob("*")):
            for line in path.read_text().splitlines():
                where[path.relative_to(project), line].add(number)
    assert len({path for path, _ in where}) > 100
    of_two = [groups(rows, pair) for pair in combinations(questions, 2)]
    on_three = [
        f"{path}: {line}"
        for (path, line), having in where.items()
        if not any(all(group <= having or not group & having for group in one) for one in of_two)
    ]
    assert on_three == []


def groups(rows: list[Answers], questions: tuple[str, ...]) -> list[set[int]]:
    """The rows that have the same answers to these questions."""
    found: dict[tuple[str, ...], set[int]] = defaultdict(set)
    for number, answers in enumerate(rows):
        found[tuple(answers[question] for question in questions)].add(number)
    return list(found.values())

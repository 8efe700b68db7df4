"""Sets of answers: few of all the combinations, each for what the files that it is for depend on."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import combinations, cycle, product
from typing import Any

from shipshape.template import Answers, Template

from tests.support.paths import ROOT

# A name, a description and a namespace that differ from each other and from every default, so that a mix-up shows.
ORDERS: Answers = {
    "service_name": "orders-api",
    "service_description": "Takes and tracks customers' orders.",
    "repository": "Octo-Org/Orders.Shop",
    "image_namespace": "octo-org/shop",
    "license": "MIT",
}


class Read(Template):
    """The template, read once."""

    @cache  # noqa: B019 - there is one, for the whole run
    def entries(self) -> dict[str, Any]:
        return super().entries()


TEMPLATE = Read(ROOT)
COMBINATIONS = list(TEMPLATE.combinations())


def name_of(answers: Answers) -> str:
    """A readable id for a combination: python-3.14-ghcr-compose."""
    return "-".join(re.sub(r"[^\w.]+", "+", str(value)) for value in answers.values())


def one_per(question: str) -> list[Answers]:
    """The first combination of each value of a question: enough for what depends on that question alone."""
    firsts: dict[str, Answers] = {}
    for answers in COMBINATIONS:
        firsts.setdefault(answers[question], answers)
    return list(firsts.values())


def pairwise(tables: dict[str, Iterable[str]]) -> Iterator[Answers]:
    """Few of all the combinations: in them, each answer meets each answer to every other question."""
    rows = [dict(zip(tables, values, strict=True)) for values in product(*tables.values())]
    pairs = [frozenset(combinations(row.items(), 2)) for row in rows]
    unmet = set().union(*pairs)
    while unmet:
        best = max(range(len(rows)), key=lambda number: len(unmet & pairs[number]))
        unmet -= pairs[best]
        yield rows[best]


def of_tables(**questions: str) -> dict[str, Iterable[str]]:
    """Question to its choices, from question to the name of its table."""
    return {question: list(TEMPLATE.table(table)) for question, table in questions.items()}


# What workflows depend on, and the files around them: a test in tests/render shows that none depends on three answers.
PIPELINES: list[Answers] = list(
    pairwise(
        of_tables(
            language="languages", registry="registries", platforms="platform_sets", orchestrator="orchestrators",
            dependency_updates="updaters", database="databases",
        )
    )
)  # fmt: skip
# The languages take turns: to an orchestrator, they differ in their port and their numbers alone.
KUBERNETES: list[Answers] = [
    {"language": language, "orchestrator": "kubernetes"} | row
    for language, row in zip(
        cycle(TEMPLATE.table("languages")),
        pairwise(
            {
                question: list(TEMPLATE.table(table))
                for question, table in TEMPLATE.choices().items()
                if question in {"database", "registry", "deployment_strategy"} or question.startswith("kubernetes_")
            }
        ),
        strict=False,
    )
]
ECS: list[Answers] = [
    {
        "language": language, "registry": registry, "orchestrator": "ecs", "deployment_strategy": strategy,
        "production_host": "orders-api.example.com",
    }
    for (strategy, registry), language in zip(
        product(TEMPLATE.table("strategies"), TEMPLATE.table("registries")), cycle(TEMPLATE.table("languages")),
        strict=False,
    )
]  # fmt: skip

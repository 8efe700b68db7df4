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


def strategies(*, every: bool = True) -> list[str]:
    """All of them; less those, where not every, that have the files of another."""
    return [name for name, row in TEMPLATE.table("strategies").items() if every or row["like"] == name]


def possible(answers: Answers) -> bool:
    """A language has some databases, a cache comes with one, a canary wants a Gateway, a mesh goes without ALB.

    Lambda takes images of ECR alone, each for one platform.
    """
    exposures = TEMPLATE.table("strategies")[answers.get("deployment_strategy", "rolling")]["exposures"]
    if exposures and answers.get("kubernetes_exposure", exposures[0]) not in exposures:
        return False
    if answers.get("orchestrator") == "lambda" and (
        answers.get("registry", "ecr") != "ecr" or "," in answers.get("platforms", "")
    ):
        return False
    if answers.get("cache", "none") != "none" and answers.get("database") == "none":
        return False
    if answers.get("kubernetes_mesh", "none") != "none" and answers.get("kubernetes_exposure") == "alb":
        return False
    databases = TEMPLATE.table("languages")[answers["language"]]["databases"] if "language" in answers else []
    return "database" not in answers or not databases or answers["database"] in databases


def pairwise(tables: dict[str, Iterable[str]]) -> Iterator[Answers]:
    """Few of all the combinations: in them, each answer meets each to every other question, where both can be."""
    rows = [dict(zip(tables, values, strict=True)) for values in product(*tables.values())]
    rows = [row for row in rows if possible(row)]
    # A set of pairs is a number, with a bit for each pair: there are thousands of rows.
    bits: dict[Any, int] = {}
    pairs = [sum(1 << bits.setdefault(pair, len(bits)) for pair in combinations(row.items(), 2)) for row in rows]
    unmet = (1 << len(bits)) - 1
    while unmet:
        best = max(range(len(rows)), key=lambda number: (unmet & pairs[number]).bit_count())
        unmet &= ~pairs[best]
        yield rows[best]


def of_tables(**questions: str) -> dict[str, Iterable[str]]:
    """Question to its choices, from question to the name of its table."""
    return {question: list(TEMPLATE.table(table)) for question, table in questions.items()}


def in_turn(rows: Iterable[Answers]) -> Iterator[tuple[str, Answers]]:
    """A language for each row, by turns: who can't have its database lets the next one go first."""
    waiting = list(TEMPLATE.table("languages"))
    for row in rows:
        language = next(name for name in waiting if possible({"language": name} | row))
        waiting.remove(language)
        waiting.append(language)
        yield language, row


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
    for language, row in in_turn(
        pairwise(
            {
                question: list(TEMPLATE.table(table))
                for question, table in TEMPLATE.choices().items()
                if question in {"database", "cache", "registry", "deployment_strategy"}
                or question.startswith("kubernetes_")
            }
        )
    )
]
# Most of what is asked of the stacks on AWS is about migrations and secrets: of the languages that can have a database.
WITH_DATABASE = [name for name in TEMPLATE.table("languages") if possible({"language": name, "database": "postgres"})]
ECS: list[Answers] = [
    {
        "language": language, "registry": registry, "orchestrator": "ecs", "deployment_strategy": strategy,
        "production_host": "orders-api.example.com",
    }
    for (strategy, registry), language in zip(
        product(strategies(every=False), TEMPLATE.table("registries")), cycle(WITH_DATABASE),
        strict=False,
    )
]  # fmt: skip
# A machine on AWS for Compose: with a database; without one, in another account, for another processor.
MACHINES: list[Answers] = [
    {"language": "python", "orchestrator": "compose", "host_machine": "aws"},
    {
        "language": "go", "orchestrator": "compose", "host_machine": "aws", "database": "none", "registry": "ecr",
        "platforms": "linux/arm64", "aws_production_account_id": "222233334444", "aws_production_region": "eu-west-1",
    },
]  # fmt: skip
# A share of the traffic first; with a cache; with production in an account and a region of its own; and below, with a
# database that setup.sh makes.
ECS.append(
    {
        "language": "python", "registry": "ecr", "orchestrator": "ecs", "deployment_strategy": "canary",
        "production_host": "orders-api.example.com",
    }
)  # fmt: skip
ECS.append(
    {
        "language": "go", "registry": "private", "orchestrator": "ecs", "deployment_strategy": "rolling",
        "production_host": "orders-api.example.com", "cache": "valkey",
    }
)  # fmt: skip
ECS.append(
    {
        "language": "python", "registry": "ecr", "orchestrator": "ecs", "deployment_strategy": "blue-green",
        "production_host": "orders-api.example.com",
        "aws_production_account_id": "222233334444", "aws_production_region": "eu-west-1",
    }
)  # fmt: skip
RDS: list[Answers] = [
    {
        "language": language, "registry": "ghcr", "orchestrator": "ecs", "deployment_strategy": strategy,
        "production_host": "orders-api.example.com", "ecs_database": "rds", **more,
    }
    for language, strategy, more in (("go", "blue-green", {}), ("node", "rolling", {"cache": "valkey"}))
]  # fmt: skip
ECS += RDS
# A function on Lambda: with a database and a cache; without one, by its own URL, for another processor, production in
# another account; with a proxy before its database.
LAMBDA: list[Answers] = [
    {
        "language": "python", "orchestrator": "lambda", "deployment_strategy": "rolling",
        "production_host": "orders-api.example.com", "cache": "valkey", "lambda_events": "sqs",
    },
    {
        "language": "go", "orchestrator": "lambda", "deployment_strategy": "canary", "database": "none",
        "lambda_exposure": "function-url", "platforms": "linux/arm64", "aws_production_account_id": "222233334444",
    },
    {
        "language": "node", "orchestrator": "lambda", "deployment_strategy": "blue-green",
        "lambda_exposure": "function-url", "lambda_database_access": "rds-proxy",
    },
]  # fmt: skip
# Of an owner's code: what differs from a starter, with each orchestrator and with a Dockerfile of theirs; tests/adopt
# has the rest.
YOURS: list[Answers] = [
    {
        "source": "yours", "language": "node", "manager": "pnpm", "orchestrator": "kubernetes",
        "start_command": "node server.js", "health": "/health", "kubernetes_exposure": "ingress",
    },
    {
        "source": "yours", "language": "go", "orchestrator": "ecs", "registry": "ecr", "health": "tcp",
        "test_command": "go test ./...",
    },
    {"source": "yours", "language": "other", "orchestrator": "compose", "kept": ["Dockerfile"], "registry": "private"},
]  # fmt: skip

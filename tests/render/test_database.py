"""A service without a database: no word of one is left, and all else is as it is with one."""

import re
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.render.test_render import PARSERS, files
from tests.support.render import TEMPLATE, name_of
from tests.support.render.answers import of_tables, pairwise, possible

# Every language with every orchestrator; the rest takes turns, for no file depends on a third answer.
REGISTRIES, UPDATERS = cycle(TEMPLATE.table("registries")), cycle(TEMPLATE.table("updaters"))
WITHOUT: list[Answers] = [
    row
    | {"database": "none", "dependency_updates": next(UPDATERS)}
    | {"registry": next(name for name in REGISTRIES if possible(row | {"registry": name}))}
    for row in pairwise(of_tables(language="languages", orchestrator="orchestrators", deployment_strategy="strategies"))
]
WORDS = re.compile(
    r"database|postgres|migrat|\bsql|sqlx|asyncpg|psycopg|alembic|\bpgx\b|goose|flyway|hikari|jdbc|test-integration|\bpg_",
    re.IGNORECASE,
)
# What means another thing by the word.
OTHERS = re.compile(r"vulnerabilit|checksum database|sum\.golang|_migrations", re.IGNORECASE)
LOCKS = {"uv.lock", "package-lock.json", "go.sum", "Cargo.lock"}


@pytest.mark.parametrize("answers", WITHOUT, ids=name_of)
def test_without_a_database_no_word_of_one_is_left(answers: Answers, rendered: Callable[[Answers], Path]) -> None:
    project = rendered(answers)
    left = [
        f"{path}:{number}: {line.strip()}"
        for path, text in files(project).items()
        if path.name != ".copier-answers.yml"
        for number, line in enumerate(text.splitlines(), 1)
        if WORDS.search(line) and not OTHERS.search(line)
    ]
    assert left == []
    for path, text in files(project).items():
        assert not WORDS.search(str(path)), path
        if parse := PARSERS.get(path.suffix):
            parse(text)


@pytest.mark.parametrize("answers", [one for one in WITHOUT if one["orchestrator"] in {"ecs", "lambda"}], ids=name_of)
def test_without_a_database_no_script_tells_of_secrets(answers: Answers, rendered: Callable[[Answers], Path]) -> None:
    """On AWS a service without one has none."""
    for path in (rendered(answers) / "deploy" / answers["orchestrator"]).glob("*.sh"):
        assert not re.search(r"secret|rotat", path.read_text(), re.IGNORECASE), path.name


@pytest.mark.parametrize("answers", WITHOUT, ids=name_of)
def test_without_a_database_nothing_is_a_debris(answers: Answers, rendered: Callable[[Answers], Path]) -> None:
    for path, text in files(rendered(answers)).items():
        if path.name in LOCKS:
            continue
        most = "\n\n\n\n" if path.suffix == ".py" or path.name == "Dockerfile" else "\n\n\n"
        assert most not in text, f"{path}: blank lines"
        assert not text.endswith("\n\n"), f"{path}: blank lines at the end"
        assert not [line for line in text.splitlines() if line != line.rstrip()], f"{path}: white space"

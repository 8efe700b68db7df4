"""A service with a cache, and the word of none in a service without one."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.render.test_render import PARSERS, files
from tests.support.render import TEMPLATE, name_of
from tests.support.render.answers import pairwise, possible

QUESTIONS: dict[str, Iterable[str]] = {
    "language": [name for name in TEMPLATE.table("languages") if possible({"language": name, "database": "postgres"})],
    "orchestrator": list(TEMPLATE.table("orchestrators")),
    "deployment_strategy": list(TEMPLATE.table("strategies")),
    "kubernetes_secrets": list(TEMPLATE.table("kubernetes_secret_sources")),
    "registry": ["ghcr", "ecr", "private"],
}
WITH: list[Answers] = [row | {"cache": "valkey"} for row in pairwise(QUESTIONS)]
WITHOUT: list[Answers] = [row | {"cache": "none"} for row in pairwise(QUESTIONS)]
WORDS = re.compile(r"valkey|redis|elasticache|idempoten|cache_(url|password|port)|cacheurl|cachesecret", re.IGNORECASE)
LOCKS = {"uv.lock", "package-lock.json", "go.sum", "Cargo.lock"}


@pytest.mark.parametrize("answers", WITHOUT, ids=name_of)
def test_without_a_cache_no_word_of_one_is_left(answers: Answers, rendered: Callable[[Answers], Path]) -> None:
    left = [
        f"{path}:{number}: {line.strip()}"
        for path, text in files(rendered(answers)).items()
        if path.name != ".copier-answers.yml" and path.name not in LOCKS
        for number, line in enumerate(text.splitlines(), 1)
        if WORDS.search(line)
    ]
    assert left == []


@pytest.mark.parametrize("answers", WITH, ids=name_of)
def test_with_a_cache_all_is_whole(answers: Answers, rendered: Callable[[Answers], Path]) -> None:
    project = rendered(answers)
    for path, text in files(project).items():
        if parse := PARSERS.get(path.suffix):
            parse(text)
        if path.name in LOCKS or path.suffix == ".mako":
            continue
        most = "\n\n\n\n" if path.suffix == ".py" or path.name == "Dockerfile" else "\n\n\n"
        assert most not in text, f"{path}: blank lines"
        assert not text.endswith("\n\n"), f"{path}: blank lines at the end"
        assert not [line for line in text.splitlines() if line != line.rstrip()], f"{path}: white space"
    compose = (project / "docker-compose.yml").read_text()
    assert TEMPLATE.table("pins")["images"]["valkey"] in compose
    assert len((project / "README.md").read_text().splitlines()) <= 66


@pytest.mark.parametrize("language", QUESTIONS["language"])
def test_a_cache_brings_its_library_and_its_own_lock_file(language: str, rendered: Callable[[Answers], Path]) -> None:
    """And nothing else of the lock file is another: tests/image builds by it, which fails where it is out of date."""
    row = {"language": language, "orchestrator": "compose", "registry": "ghcr"}
    with_cache, without = (rendered(row | {"cache": cache}) for cache in ("valkey", "none"))
    for name in LOCKS & {path.name for path in without.iterdir()}:
        old, new = (set((project / name).read_text().splitlines()) for project in (without, with_cache))
        assert old - new == set(), name
        assert new - old, name

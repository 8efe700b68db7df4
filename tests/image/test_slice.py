"""The slice goes by deleting its files and its line, and all else still holds."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.image.conftest import LANGUAGES, WITH_DATABASE, label_of
from tests.support import engine
from tests.support.engine.container import running
from tests.support.engine.database import Server
from tests.support.expectations import expected
from tests.support.render import TEMPLATE

pytestmark = pytest.mark.engine


@pytest.fixture
def bare(request: pytest.FixtureRequest, rendered: Callable[[Answers], Path], tmp_path: Path) -> tuple[str, Path]:
    """A service whose owner has taken the slice out, as README says."""
    language: str = request.param["language"]
    row = expected("language", language)["slice"]
    project = Path(shutil.copytree(rendered(request.param), tmp_path / "orders-api"))
    for name in row["paths"]:
        path = project / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    for line in row["lines"]:
        (source,) = [path for path in project.rglob("*") if path.is_file() and line in path.read_text(errors="ignore")]
        lines = source.read_text().splitlines(keepends=True)
        kept = [other for other in lines if line not in other]
        assert len(kept) == len(lines) - 1, line
        source.write_text("".join(kept))
    return language, project


@pytest.fixture
def database(bare: tuple[str, Path], postgres: Server) -> Iterator[str]:
    name = f"bare_{bare[0]}"
    postgres.create(name)
    yield name
    postgres.sql(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.mark.parametrize("bare", WITH_DATABASE, indirect=True, ids=label_of)
def test_without_the_slice_all_else_holds(bare: tuple[str, Path], postgres: Server, database: str) -> None:
    language, project = bare
    memory = TEMPLATE.table("languages")[language]["memory"]["limit"]
    for target in ("lint", "test"):
        engine.build(project, f"--target={target}", "--output=type=cacheonly")
    owner = postgres.settings(database, "owner")
    with engine.built(project) as image:
        with running(image, *owner, memory=memory, command=("migrate",)) as container:
            assert container.wait() == 0, container.lines()
        with running(image, *postgres.settings(database), memory=memory) as container:
            container.wait_until_it_answers()
            assert container.get("/readyz").json == {"status": "ready", "checks": {"database": "ok"}}
            assert container.get("/").status == 200
            assert container.get("/items").status == 404
    with engine.built(project, "--target=integration") as tests:
        engine.docker("run", "--rm", "--network=host", *owner, tests)


@pytest.mark.parametrize(
    "bare", [answers for answers in LANGUAGES if answers not in WITH_DATABASE], indirect=True, ids=label_of
)
def test_a_page_without_the_slice_is_still_one(bare: tuple[str, Path]) -> None:
    language, project = bare
    for target in ("lint", "test"):
        engine.build(project, f"--target={target}", "--output=type=cacheonly")
    memory = TEMPLATE.table("languages")[language]["memory"]["limit"]
    with engine.built(project) as image, running(image, memory=memory) as container:
        container.wait_until_it_answers()
        assert container.get("/").status == 200

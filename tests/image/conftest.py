"""One image per language version, built from the rendered Dockerfile as it is."""

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from shipshape.template import Answers

from tests.image.place import with_data
from tests.image.waits import begun
from tests.support import engine
from tests.support.engine import database
from tests.support.engine.container import Answer, Container, running
from tests.support.engine.database import Server
from tests.support.expectations import expected
from tests.support.paths import ENGINE
from tests.support.render import COMBINATIONS, TEMPLATE
from tests.support.run import figures


@dataclass(frozen=True)
class Service:
    """A built service: its rendering, its image, and its row of the table of languages."""

    label: str
    language: str
    project: Path
    image: str
    row: dict[str, Any]

    @property
    def has_database(self) -> bool:
        return "postgres" in self.row["databases"]

    @property
    def expected(self) -> dict[str, Any]:
        return expected("language", self.language)

    @property
    def check(self) -> str:
        """What readiness asks."""
        name: str = self.expected["check"]["name"]
        return name

    def asks(self, port: int) -> str:
        """The option by which that is at a port of this machine."""
        return "--env=" + str(self.expected["check"]["setting"]).format(port=port)

    def says_who_it_is(self, answer: Answer) -> bool:
        """Whether this is what GET / answers."""
        if self.expected["index"] == "page":
            page = answer.headers["content-type"].startswith("text/html") and "<title>orders-api</title>" in answer.body
            return answer.status == 200 and page
        kind = answer.headers["content-type"].startswith("application/json")
        return answer.status == 200 and kind and answer.json["service"] == "orders-api"

    def start(
        self, *options: str, port: int = 0, command: str = "", health: bool = False
    ) -> AbstractContextManager[Container]:
        """With the image's health check only where it is asked for: Docker would start its runtime time and again."""
        memory, arguments = self.row["memory"]["limit"], tuple(command.split())
        below = "" if self.has_database else "/api"
        options += () if health else ("--no-healthcheck",)
        return running(self.image, *options, memory=memory, port=port, command=arguments, below=below)

    def run(self, command: str, *options: str) -> tuple[int, list[dict[str, Any]]]:
        """Run a command of the image, or none, that ends by itself; its exit code and its log."""
        with self.start(*options, command=command) as container:
            return container.wait(), container.lines()


def label_of(answers: Answers) -> str:
    cache = answers.get("cache", "none")
    return f"{answers['language']}-{answers['language_version']}" + (f"-{cache}" if cache != "none" else "")


def of_image(answers: Answers) -> Answers:
    return answers | {"database": TEMPLATE.table("languages")[answers["language"]]["databases"][0]}


# An image depends on the language, its version and the database alone; the last registry stands for all.
IMAGES = list({label_of(answers): of_image(answers) for answers in COMBINATIONS}.values())

# The first version of each language.
LANGUAGES = list({answers["language"]: answers for answers in reversed(IMAGES)}.values())[::-1]
WITH_DATABASE = [answers for answers in LANGUAGES if answers["database"] != "none"]
WITH_CACHE = [answers | {"cache": "valkey"} for answers in WITH_DATABASE]
# What may differ from one version of a language to the next: the rest is the same source, on the same libraries.
EVERY_VERSION = {"test_build", "test_image", "test_life", "test_load"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "service" in metafunc.fixturenames:
        every = metafunc.module.__name__.rpartition(".")[2] in EVERY_VERSION
        answers = IMAGES if every else LANGUAGES
        if metafunc.definition.get_closest_marker("own_database"):
            answers = [one for one in answers if one in WITH_DATABASE]
        if metafunc.definition.get_closest_marker("own_page"):
            answers = [one for one in answers if expected("language", one["language"])["index"] == "page"]
        if metafunc.definition.get_closest_marker("own_archive"):
            answers = [one for one in answers if one["language"] == "java"]
        if metafunc.definition.get_closest_marker("own_cache"):
            answers = WITH_CACHE
        metafunc.parametrize("service", answers, ids=label_of, indirect=True, scope="session")


def built(answers: Answers, project: Path) -> Service:
    label, language = label_of(answers), answers["language"]
    image = f"shipshape-test/{label}:{'v1' if answers['database'] == of_image(answers)['database'] else 'none'}"
    start = time.monotonic()
    log = engine.build(project, "--tag", image, "--build-arg", "VERSION=1.2.3")
    cached = re.search(r"^#\d+ CACHED", log, re.MULTILINE)
    figures.note(label, "build, partly cached" if cached else "cold build", time.monotonic() - start, "s")
    figures.note(label, "added to the base", (size(image) - size(base_of(project))) / 1e6, "MB")
    return Service(label, language, project, image, TEMPLATE.table("languages")[language])


@pytest.fixture(scope="session")
def service(request: pytest.FixtureRequest, rendered: Callable[[Answers], Path]) -> Service:
    return built(request.param, rendered(request.param))


@pytest.fixture
def container(service: Service) -> Iterator[Container]:
    with service.start() as started:
        started.wait_until_it_answers()
        yield started


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with TLS, for all languages of this worker."""
    with database.server(tmp_path_factory.mktemp("postgres"), tls=True) as started:
        yield started


@pytest.fixture(scope="session")
def keeper(service: Service, rendered: Callable[[Answers], Path]) -> Service:
    """Who has the database: the service itself, or else its back end."""
    return service if service.has_database else built(WITH_DATABASE[0], rendered(WITH_DATABASE[0]))


@pytest.fixture(scope="session")
def migrated(service: Service, keeper: Service, postgres: Server) -> str:
    """The name of a database of this language, as its own migrations left it, or those of its back end."""
    name = database.database_name(service.label)
    postgres.create(name)
    code, lines = keeper.run("migrate", *postgres.settings(name, "owner"))
    assert code == 0, lines
    return name


@pytest.fixture(scope="session")
def shop(service: Service, keeper: Service, postgres: Server, migrated: str) -> Iterator[Container]:
    """The service with its data, for all tests that only ask."""
    with with_data(service, keeper, *postgres.settings(migrated)) as started:
        yield started


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without TLS, which the waits lock and freeze."""
    with database.server(tmp_path_factory.mktemp("plain"), tls=False) as started:
        yield started


@pytest.fixture(scope="session")
def waits(service: Service, keeper: Service, plain: Server) -> Iterator[dict[str, Future[None]]]:
    with begun(service, keeper, plain) as started:
        yield started


@pytest.fixture(autouse=True)
def _waits_begin_with_the_first_test(request: pytest.FixtureRequest) -> None:
    if "service" not in request.fixturenames:
        return
    label = label_of(request.node.callspec.params["service"])
    if any("test_waits" in item.nodeid and label in item.nodeid for item in request.session.items):
        request.getfixturevalue("waits")


def base_of(project: Path) -> str:
    """The image that the runtime stage starts from, through stages that it is made of."""
    froms = re.findall(r"^FROM (\S+) AS (\S+)", (project / "Dockerfile").read_text(), re.MULTILINE)
    parents = {stage: parent for parent, stage in froms}
    name = "runtime"
    while name in parents:
        name = parents[name]
    return name.split("@")[0] if ENGINE.exists() else name


def size(image: str) -> int:
    """Bytes, unpacked."""
    number: int = engine.inspect("image", image)["Size"]
    return number

"""One image per language version, built from the rendered Dockerfile as it is."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from shipshape.template import Answers

from tests.support import engine
from tests.support.engine.container import Container, running
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

    def start(self, *options: str, port: int = 0) -> AbstractContextManager[Container]:
        return running(self.image, *options, memory=self.row["memory"]["limit"], port=port)


def label_of(answers: Answers) -> str:
    return f"{answers['language']}-{answers['language_version']}"


# An image depends on the language and its version alone; the last registry and orchestrator stand for all.
IMAGES = list({label_of(answers): answers for answers in COMBINATIONS}.values())


@pytest.fixture(scope="session", params=IMAGES, ids=label_of)
def service(request: pytest.FixtureRequest, rendered: Callable[[Answers], Path]) -> Service:
    answers: Answers = request.param
    label = label_of(answers)
    project, image = rendered(answers), f"shipshape-test/{label}:v1"
    start = time.monotonic()
    log = engine.build(project, "--tag", image, "--build-arg", "VERSION=1.2.3")
    cached = re.search(r"^#\d+ CACHED", log, re.MULTILINE)
    figures.note(label, "build, partly cached" if cached else "cold build", time.monotonic() - start, "s")
    figures.note(label, "added to the base", (size(image) - size(base_of(project))) / 1e6, "MB")
    language = answers["language"]
    return Service(label, language, project, image, TEMPLATE.table("languages")[language])


@pytest.fixture
def container(service: Service) -> Iterator[Container]:
    with service.start() as started:
        started.wait_until_it_answers()
        yield started


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

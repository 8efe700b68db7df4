"""The stack of a rendered service, as `make up` starts it."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.support import engine
from tests.support.engine.container import Container, free_port
from tests.support.render import ORDERS, name_of, one_per, render
from tests.support.render.answers import WITH_DATABASE
from tests.support.run import figures


@dataclass(frozen=True)
class Stack:
    """The stack of a rendered project, started by its own Makefile."""

    language: str
    project: Path
    environment: dict[str, str]
    service: Container

    def make(self, target: str) -> str:
        result = subprocess.run(
            ["make", target], cwd=self.project, env=self.environment, capture_output=True, text=True, check=False
        )
        if result.returncode:  # with the log of what did not start
            pytest.fail(result.stdout + result.stderr + self.compose("logs", "--tail=50"))
        return result.stdout

    def compose(self, *arguments: str) -> str:
        result = subprocess.run(
            ["docker", "compose", *arguments],
            cwd=self.project, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def fails(self, target: str, **environment: str) -> str:
        """What a target says that must fail."""
        result = subprocess.run(
            ["make", target], cwd=self.project, env=self.environment | environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert result.returncode == 2, result.stdout + result.stderr
        return result.stderr

    @contextmanager
    def watched(self) -> Iterator[None]:
        """While `docker compose watch` rebuilds on what is saved."""
        # Its lock outlives it, and holds once another process has its number (docker/compose#11069).
        (Path.home() / f".docker/docker-compose/{self.project.name}-dev.pid").unlink(missing_ok=True)
        with subprocess.Popen(
            ["docker", "compose", "watch", "--no-up"],
            cwd=self.project, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        ) as watch:  # fmt: skip
            try:
                assert watch.stdout
                said = [""]
                while "Watch enabled" not in said[-1]:
                    said.append(watch.stdout.readline())
                    assert said[-1], "".join(said)
                yield
            finally:
                watch.terminate()

    def wait_for(self, text: str, path: str) -> None:
        """Until the answer at a path has the text: of a service that may start meanwhile."""
        deadline = time.monotonic() + 300
        while text not in self.said_at(path):
            assert time.monotonic() < deadline, f"{path} does not say {text}"
            time.sleep(0.1)

    def said_at(self, path: str) -> str:
        try:
            return self.service.get(path).body
        except (OSError, HTTPException):
            return ""

    def sql(self, query: str) -> str:
        """As superuser, which nobody is but inside the container."""
        return self.compose("exec", "-T", "database", "psql", "-qtAX", "-U", "postgres", "app", "-c", query).strip()

    def sql_as(self, role: str, secret: str, query: str) -> str:
        """Over TCP with the password that a service has; returns what is said, errors too."""
        login = f'PGPASSWORD=$(cat /run/secrets/{secret}) exec psql -qtAX -h 127.0.0.1 -U {role} app -c "$0" 2>&1'
        command = ["docker", "compose", "exec", "-T", "database", "sh", "-c", login, query]
        return subprocess.run(
            command, cwd=self.project, env=self.environment, capture_output=True, text=True, check=False
        ).stdout.strip()

    def clone(self, folder: Path, port: int = 0, umask: int = 0o022) -> "Stack":
        """Another clone of the repository, checked out under a umask; its .secrets are its own."""
        with_umask = f'umask {umask:03o} && cp --recursive --no-preserve=mode "$0" "$1" && cd "$1" && rm -rf .secrets'
        executable = 'cd "$0" && find . -type f -perm -100 -printf "%P\\n" | (cd "$1" && xargs -d "\\n" chmod u+x)'
        for script in (with_umask, executable):
            subprocess.run(["bash", "-c", script, self.project, folder], check=True)
        port = port or self.service.port
        environment = self.environment | {"HOST_PORT": str(port)}
        return replace(self, project=folder, environment=environment, service=Container(self.service.name, port))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each language where it matters; elsewhere one, for what is shown there does not depend on it."""
    if "stack" in metafunc.fixturenames:
        every = metafunc.definition.get_closest_marker("every_language")
        # A language without a database has a stack of one service: see test_page.py.
        languages = [answers for answers in one_per("language") if answers["language"] in WITH_DATABASE]
        metafunc.parametrize(
            "stack", languages if every else languages[:1], ids=name_of, indirect=True, scope="session"
        )


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest, template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    answers: Answers = request.param
    # A stack of its own, named after the service; the same in each run, for Rust compiles its dependencies for a name.
    name = f"stack-{answers['language']}"
    project = render(template, tmp_path_factory.mktemp("compose") / name, **ORDERS | {"service_name": name}, **answers)
    subprocess.run(["make", "prepare"], cwd=project, check=True, capture_output=True)
    with running(project, answers["language"]) as started:
        yield started


@contextmanager
def running(project: Path, language: str, more: str = "") -> Iterator[Stack]:
    """What `make up` starts, with `more` files of Compose; it goes at the end, with its data."""
    port = free_port()
    environment = engine.compose_environment(project, project.parent) | {"HOST_PORT": str(port)}
    if more:
        environment["COMPOSE_FILE"] = f"{environment.get('COMPOSE_FILE', 'docker-compose.yml')}:{more}"
    started = Stack(language, project, environment, Container(f"{project.name}-dev-app-1", port))
    started.compose("down", "--volumes", "--remove-orphans")  # what a run that was killed has left
    try:
        with figures.timed(language, "make up"):
            assert started.make("up").splitlines()[-1] == f"http://127.0.0.1:{port}"
        yield started
    finally:
        started.compose("down", "--volumes", "--remove-orphans")
        engine.docker("image", "rm", "--force", f"ghcr.io/octo-org/shop/{project.name}:dev")

"""Services in a real cluster, with a database beside it."""

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.support import engine
from tests.support.cluster import Release, kubeconfig, kubectl, wait_until
from tests.support.engine.container import free_port
from tests.support.engine.load import Load
from tests.support.render import ORDERS, TEMPLATE, render

NODE = "10.99.0.1"  # where a pod finds this machine
Start = Callable[..., Release]


@pytest.fixture(scope="session")
def cluster() -> Path:
    return kubeconfig()


@pytest.fixture(scope="session")
def database(cluster: Path) -> Iterator[tuple[str, str]]:
    """The address and the password of a PostgreSQL outside the cluster, as a managed one is."""
    password, port = secrets.token_hex(16), free_port()
    image = TEMPLATE.table("pins")["images"]["postgres"].partition("@")[0]
    name = f"shipshape-test-postgres-{port}"
    engine.docker(
        "run", "--detach", f"--name={name}", "--network=host", "--env=POSTGRES_USER=app",
        f"--env=POSTGRES_PASSWORD={password}", image, "-c", f"port={port}", "-c", "listen_addresses=*",
    )  # fmt: skip
    try:
        ready = ("exec", name, "pg_isready", "--host=127.0.0.1", f"--port={port}", "--username=app")
        wait_until("PostgreSQL", lambda: "accepting" in engine.docker(*ready, check=False))
        yield f"postgresql://app@{NODE}:{port}/app", password
    finally:
        engine.docker("rm", "--force", "--volumes", name)


@pytest.fixture(scope="session")
def start(
    database: tuple[str, str],
    plain_template: Path,
    built: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Start]:
    """Renders a service for Kubernetes and makes its namespaces; each has a name of its own, and goes in the end."""
    with ExitStack() as stack:

        def started(language: str, strategy: str, *environments: str, name: str = "") -> Release:
            # what an earlier run left may still be on its way out
            name = f"{name or f'{language}-{strategy}'}-{secrets.token_hex(2)}"
            project = render(
                plain_template, tmp_path_factory.mktemp(name) / name, **ORDERS | {"service_name": name},
                language=language, orchestrator="kubernetes", deployment_strategy=strategy,
            )  # fmt: skip
            release = Release(project, name, f"ghcr.io/{ORDERS['image_namespace']}/{name}", built(language))
            stack.callback(release.remove)
            for environment in environments or ("production",):
                release.prepare(environment, *database)
            return release

        yield started


@contextmanager
def loaded(release: Release, environment: str = "production", workers: int = 4, pause: float = 0.02) -> Iterator[Load]:
    """Requests to the Service all the while, none of which may be lost; few enough for the autoscaler to rest."""
    host, port = release.address(environment)
    load = Load(lambda: [port], "/", lambda _: HTTPConnection(host, port, timeout=10), workers, pause)
    with load.running():
        yield load
    assert load.lost == []
    assert set(load.answers) == {200}


def version(release: Release, environment: str = "production") -> str:
    """The version that the Service answers with."""
    connection = HTTPConnection(*release.address(environment), timeout=10)
    connection.request("GET", "/")
    answer = connection.getresponse()
    found: dict[str, str] = json.loads(answer.read())
    connection.close()
    return found["version"]


def answers(release: Release, expected: str) -> None:
    """Wait until the Service answers with this version; a pod that ends is sent requests for a moment yet."""
    wait_until(f"{expected} to answer", lambda: version(release) == expected, seconds=30)


@pytest.fixture
def undrained() -> Iterator[None]:
    yield
    kubectl("uncordon", "node-1")

"""Services in a real cluster, with a database beside it."""

import json
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.support.cluster import CLUSTER, Release, dns, enforce_policies, kubeconfig, kubectl, node, wait_until
from tests.support.engine.database import PASSWORDS, Server, database_name
from tests.support.engine.database import server as running_server
from tests.support.engine.load import Load
from tests.support.engine.valkey import Cache
from tests.support.render import ORDERS, render
from tests.support.render.answers import WITH_DATABASE

NODE = "10.99.0.1"  # where a pod finds this machine
Start = Callable[..., Release]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """A test that closes the node runs while no other is at work in the cluster, fixtures and all."""
    alone = item.get_closest_marker("closes_the_node") is not None
    with node.held(alone=alone):
        try:
            return (yield)
        finally:
            if alone and CLUSTER.exists():
                kubectl("uncordon", "node-1")


@pytest.fixture(scope="session")
def cluster(once: Callable[..., Path]) -> Path:
    """With NetworkPolicy enforced: every deployment of these tests goes by its own policies."""

    def prepare(_: Path) -> None:
        enforce_policies()
        dns.serve_from_pods()

    once("cluster", prepare)
    return kubeconfig()


@pytest.fixture(scope="session")
def server(cluster: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PostgreSQL outside the cluster, as a managed one is."""
    folder = tmp_path_factory.mktemp("database")
    folder.chmod(0o755)
    with running_server(folder, tls=False) as started:
        yield started


@pytest.fixture(scope="session")
def rendering(server: Server, plain_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Renders a service for Kubernetes, whose database is where that of these tests is."""

    def rendered(name: str, language: str, strategy: str, **answers: str) -> Path:
        project = render(
            plain_template, tmp_path_factory.mktemp(name) / name, **ORDERS | {"service_name": name},
            language=language, orchestrator="kubernetes", deployment_strategy=strategy, **answers,
        )  # fmt: skip
        use(project, server)
        return project

    return rendered


def use(project: Path, server: Server, cache: Cache | None = None) -> None:
    """Let a service out to the ports of this database and this cache."""
    for path in (project / "deploy/kubernetes/base").rglob("*.yml"):
        text = path.read_text().replace("port: 5432", f"port: {server.port}")
        path.write_text(text.replace("port: 6379", f"port: {cache.port}") if cache else text)


@pytest.fixture(scope="session")
def start(server: Server, rendering: Callable[..., Path], built: Callable[[str], str]) -> Iterator[Start]:
    """Renders a service for Kubernetes and makes its namespaces; each has a name of its own, and goes in the end."""
    with ExitStack() as stack:

        def started(
            language: str, strategy: str, *environments: str, name: str = "", shared: str = "", **answers: str
        ) -> Release:
            # what an earlier run left may still be on its way out
            name = f"{name or f'{language}-{strategy}'}-{secrets.token_hex(2)}"
            answers |= {"kubernetes_namespace": shared} if shared else {}
            project = rendering(name, language, strategy, **answers)
            repository = f"ghcr.io/{ORDERS['image_namespace']}/{name}"
            release = Release(project, name, repository, built(language), shared=shared)
            stack.callback(release.remove)
            for environment in environments or ("production",):
                if language not in WITH_DATABASE:
                    release.prepare(environment, "", {})
                    continue
                database = database_name(name if environment == "production" else f"{name}-{environment}")
                server.create(database)
                release.prepare(environment, f"{NODE}:{server.port}/{database}", PASSWORDS)
            return release

        yield started


def hasten(release: Release, **seconds: int) -> None:
    """Shorten waits of the Deployment's that the test is not about, such as `progressDeadlineSeconds`.

    A new pod counts as available after a second in place of five; test_rollout.py waits as rendered.
    """
    path = release.project / "deploy/kubernetes/base/deployment.yml"
    text = path.read_text()
    for name, value in ({"minReadySeconds": 1} | seconds).items():
        text, found = re.subn(rf"\b{name}: \d+", f"{name}: {value}", text)
        assert found, f"deployment.yml has no {name}"
    path.write_text(text)


@contextmanager
def loaded(
    release: Release, environment: str = "production", workers: int = 4, pause: float = 0.05, path: str = "/"
) -> Iterator[Load]:
    """Requests to the Service all the while, none of which may be lost; few enough for the autoscaler to rest."""
    host, port = release.address(environment)
    load = Load(lambda: [port], path, lambda _: HTTPConnection(host, port, timeout=10), workers, pause)
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

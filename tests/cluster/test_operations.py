"""What the cluster does by itself: scales, drains, brings settings."""

from collections.abc import Iterator

import pytest

from tests.cluster.conftest import Start, answers, loaded
from tests.support.cluster import Release, get, kubectl, wait_until
from tests.support.render import document
from tests.support.run import figures

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def release(start: Start) -> Iterator[Release]:
    started = start("go", "rolling", name="operations")
    started.deploy(started.image("v1"))
    wait_until("two instances", lambda: started.ready() == 2)
    yield started
    started.remove()


@pytest.mark.closes_the_node
def test_a_drain_takes_one_instance_at_a_time(release: Release) -> None:
    """The only node is closed, so the second instance has nowhere to go, and stays."""
    before = {pod["metadata"]["name"] for pod in release.pods()}
    with loaded(release):
        selector = f"--pod-selector=app.kubernetes.io/name={release.name}"
        said = kubectl(
            "drain", "node-1", selector, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=15s", check=False
        )
    assert "would violate the pod's disruption budget" in said
    assert len(before & {pod["metadata"]["name"] for pod in release.pods()}) == 1
    kubectl("uncordon", "node-1")
    wait_until("two instances again", lambda: release.ready() == 2)


def test_another_setting_makes_new_pods(release: Release) -> None:
    before = {pod["metadata"]["name"] for pod in release.pods()}
    config = release.project / "deploy/kubernetes/overlays/production/config.env"
    config.write_text("LOG_LEVEL=warn\n")
    with loaded(release):
        release.deploy(release.image("v1"))
    wait_until("the old pods to go", lambda: not before & {pod["metadata"]["name"] for pod in release.pods()})
    (name,) = {pod["spec"]["containers"][0]["envFrom"][0]["configMapRef"]["name"] for pod in release.pods()}
    assert get(release.name, "configmap", name)["data"] == {"LOG_LEVEL": "warn"}


def test_a_restart_lets_the_pods_read_a_changed_secret(release: Release) -> None:
    before = {pod["metadata"]["name"] for pod in release.pods()}
    with loaded(release):
        settings = {"KUBECONFIG": str(release.deployer("production"))}
        command = document.shell(release.project, "Settings", {f"{release.name}-staging": release.name})
        result = document.run(release.project, command, settings)
        assert result.returncode == 0, result.stderr
        wait_until("new pods", lambda: not before & {pod["metadata"]["name"] for pod in release.pods()})


def test_it_grows_under_load(release: Release) -> None:
    def replicas() -> int:
        return int(get(release.name, "hpa", release.name)["status"].get("desiredReplicas", 0))

    wait_until("the autoscaler to see its pods", lambda: replicas() == 2)
    with loaded(release, workers=16, pause=0), figures.timed("autoscaler", "third instance asked for after"):
        wait_until("a third instance", lambda: replicas() > 2, 180)
    wait_until("it to be ready", lambda: release.ready() > 2)
    answers(release, "v1")

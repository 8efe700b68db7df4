"""What condemns a version that is watched, and what does not."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.conftest import Start, hasten
from tests.support.cluster import Release, kubectl, wait_until

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def release(start: Start) -> Iterator[Release]:
    started = start("go", "rolling", name="watched")
    hasten(started)
    started.deploy(started.image("v1"))
    wait_until("two instances", lambda: started.ready() == 2)
    yield started
    started.remove()


@pytest.fixture
def _closed() -> None:
    """The only node takes no more pods: whatever is new waits."""
    kubectl("cordon", "node-1")


def at_least(release: Release, replicas: int) -> None:
    patch = f'{{"spec": {{"minReplicas": {replicas}}}}}'
    kubectl("--namespace", release.name, "patch", "horizontalpodautoscaler", release.name, f"--patch={patch}")


@pytest.mark.closes_the_node
@pytest.mark.usefixtures("_closed")
def test_a_pod_that_waits_for_a_node_is_not_lost(release: Release) -> None:
    """It was never available: a new node takes minutes to come."""
    at_least(release, 3)
    wait_until("the autoscaler", lambda: release.deployments()[release.name]["spec"]["replicas"] == 3)
    try:
        result = release.run("watch", "production", release.name, WATCH_SECONDS="25")
    finally:
        at_least(release, 2)
        kubectl("--namespace", release.name, "scale", "deployment", release.name, "--replicas=2")
    assert result.returncode == 0, result.stderr


@pytest.mark.closes_the_node
@pytest.mark.usefixtures("_closed")
def test_a_pod_that_is_gone_and_does_not_come_back_is_lost(release: Release) -> None:
    with release.start("watch", "production", release.name, WATCH_SECONDS="60") as process:
        assert process.stderr
        assert any(line.startswith("watch: watching") for line in process.stderr)
        pod = release.pods()[0]["metadata"]["name"]
        kubectl("--namespace", release.name, "delete", "pod", pod, "--wait=false")
        _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert f"1 of the 2 pods of {release.name} are not available any more" in said
    kubectl("uncordon", "node-1")
    wait_until("two instances again", lambda: release.ready() == 2)


def away(folder: Path, looks: int) -> str:
    """A PATH whose kubectl can't reach the API server for some looks after the first.

    Each begins with the ReplicaSets. All else is the real kubectl.
    """
    count = folder / "count"
    count.write_text("0")
    program = folder / "kubectl"
    program.write_text(f"""#!/bin/bash
if [[ $* == *"get replicasets"* ]]; then
  count=$(($(cat {count}) + 1))
  echo $count > {count}
  ((count == 1 || count > 1 + {looks})) || {{ echo "Unable to connect to the server: EOF" >&2; exit 1; }}
fi
PATH=${{PATH#*:}} exec kubectl "$@"
""")
    program.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_the_api_server_may_be_away_for_a_moment(release: Release, tmp_path: Path) -> None:
    path = away(tmp_path, looks=3)
    result = release.run("watch", "production", release.name, WATCH_SECONDS="30", PATH=path)
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("Unable to connect") == 3


def test_an_api_server_that_stays_away_is_named(release: Release, tmp_path: Path) -> None:
    path = away(tmp_path, looks=100)
    result = release.run("watch", "production", release.name, WATCH_SECONDS="60", PATH=path)
    assert result.returncode == 1
    assert f"watch: the cluster has not said for 6 times how {release.name} is" in result.stderr


def test_an_older_cluster_is_refused(release: Release, tmp_path: Path) -> None:
    program = tmp_path / "kubectl"
    program.write_text("""#!/bin/bash
[[ $* != "version --output json" ]] || { echo '{"serverVersion": {"minor": "29+"}}'; exit; }
PATH=${PATH#*:} exec kubectl "$@"
""")
    program.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    result = release.run("deploy", "production", release.image("v2"), PATH=path)
    assert result.returncode == 1
    assert result.stderr == "deploy: the cluster is Kubernetes 1.29: 1.30 or later is needed\n"
    assert release.images() == {release.image("v1")}

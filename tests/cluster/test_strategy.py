"""Another answer for `deployment_strategy`, on a service that has traffic."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.conftest import Start, answers, loaded, version
from tests.support.cluster import Release, get, wait_until

pytestmark = pytest.mark.engine

Rendering = Callable[..., Path]
CHANGES = pytest.mark.parametrize(("old", "new"), [("rolling", "blue-green"), ("blue-green", "rolling")])


def changed(start: Start, rendering: Rendering, name: str, old: str, new: str) -> Release:
    """A service that was deployed by one strategy, and whose repository now has the other's files."""
    release = start("go", old, name=name)
    release.deploy(release.image("v1"))
    answers(release, "v1")
    other = rendering(release.name, "go", new)
    shutil.rmtree(release.project / "deploy")
    shutil.copytree(other / "deploy", release.project / "deploy")
    return release


@contextmanager
def sampled(release: Release) -> Iterator[list[tuple[float, str]]]:
    """When the Service answered with which version."""
    seen: list[tuple[float, str]] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(0.05):
            seen.append((time.time(), version(release)))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join(timeout=30)


@CHANGES
def test_the_strategy_changes_without_a_gap(
    start: Start, rendering: Rendering, tmp_path: Path, old: str, new: str
) -> None:
    """No request is lost, none reaches what is not tested yet, and nothing of the old strategy is left."""
    release = changed(start, rendering, f"from-{old}", old, new)
    script, marks = release.project / "scripts/integration.sh", tmp_path / "marks"
    noted = f"\ndate +%s.%N >> {marks}; sleep 6; date +%s.%N >> {marks}\nask()"
    script.write_text(script.read_text().replace("\nask()", noted))
    with loaded(release), sampled(release) as seen:
        release.deploy(release.image("v2"))
        answers(release, "v2")
    began, ended = (float(mark) for mark in marks.read_text().split()[:2])
    assert {found for when, found in seen if when < ended} == {"v1"}
    assert sum(began < when < ended for when, _ in seen) > 5, "nothing was asked meanwhile"
    names = {f"{release.name}-blue"} if new == "blue-green" else {release.name}
    wait_until("the old Deployment to go", lambda: release.deployments().keys() == names)
    autoscalers = get(release.name, "horizontalpodautoscalers")["items"]
    assert {one["metadata"]["name"] for one in autoscalers} == names
    release.remove()


@CHANGES
def test_a_change_that_fails_is_taken_back(start: Start, rendering: Rendering, old: str, new: str) -> None:
    release = changed(start, rendering, f"back-to-{old}", old, new)
    script = release.project / "scripts/integration.sh"
    script.write_text(script.read_text().replace("\nask()", "\nexit 1\nask()"))
    with loaded(release):
        said = release.refuse(release.image("v2"))
        answers(release, "v1")
    assert release.image("v1") in said.splitlines()[-1]
    wait_until("v2 to go", lambda: release.images() == {release.image("v1")})
    release.remove()

"""A share of the traffic first: a good version gets all of it, and a bad one is taken back."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cluster.conftest import Start, answers
from tests.support.cluster import Release, get, kubectl, wait_until
from tests.support.cluster.gateway import Gateway
from tests.support.engine.load import Load
from tests.support.run import figures

pytestmark = pytest.mark.engine

SHARE = 20
QUICK = {"CANARY_STEPS": f"{SHARE} 60", "CANARY_SECONDS": "6", "MIGRATE": "no"}
# The service itself, one of whose answers in ten is a 500.
FAULT = """\
COPY <<EOF /app/fault.py
import itertools, runpy
from fastapi import FastAPI
count, get = itertools.count(1), FastAPI.get
def failing(self, path, **more):
    def add(handler):
        async def fails():
            if next(count) % 10 == 0:
                raise RuntimeError("one in ten")
            return await handler()
        return get(self, path, **more)(fails if path == "/" else handler)
    return add
FastAPI.get = failing
runpy.run_module("orders_api", run_name="__main__", alter_sys=True)
EOF
ENTRYPOINT ["python", "-m", "fault"]
"""


@pytest.fixture(scope="module")
def release(start: Start) -> Iterator[Release]:
    started = start("python", "canary", name="canary")
    started.deploy(started.image("v1"))
    answers(started, "v1")
    yield started
    started.remove()


@contextmanager
def asked(release: Release) -> Iterator[tuple[Gateway, Load]]:
    """Requests through the Gateway all the while, over connections that are kept alive."""
    with Gateway(release.name, release.name).running() as gateway:
        load = Load(lambda: [gateway.port], workers=4, pause=0.03)
        with load.running():
            yield gateway, load
    assert load.lost == []


def fairly(gateway: Gateway) -> None:
    """The canary got no more than its share of the requests: one more, where a share has just changed."""
    for share in {share for share, _ in gateway.asked}:
        got, kept = gateway.asked[share, True], gateway.asked[share, False]
        assert got <= share / 100 * (got + kept) + 1, gateway.asked


def autoscalers(release: Release) -> dict[str, int]:
    items = get(release.name, "horizontalpodautoscalers")["items"]
    return {one["metadata"]["name"]: one["spec"]["minReplicas"] for one in items}


def test_a_good_version_gets_its_share_and_then_all(release: Release) -> None:
    """Nothing is lost, and neither slot shrinks meanwhile: not the one that waits, nor the one for a rollback.

    https://github.com/argoproj/argo-rollouts/issues/1415, https://github.com/argoproj/argo-rollouts/issues/1029
    """
    release.image("v2")
    patch = ("patch", "horizontalpodautoscaler", f"{release.name}-blue", '--patch={"spec": {"minReplicas": 3}}')
    kubectl("--namespace", release.name, *patch)
    wait_until("a third pod", lambda: release.ready() == 3)
    with asked(release) as (gateway, load), figures.timed("canary", "promoted in"):
        with release.start("deploy", "production", release.image("v2"), config=None, **QUICK) as process:
            wait_until("a share", lambda: gateway.share() == SHARE)
            assert autoscalers(release) == {f"{release.name}-{slot}": 3 for slot in ("blue", "green")}
            _, said = process.communicate(timeout=240)
        assert process.returncode == 0, said
    assert set(load.answers) == {200}
    assert gateway.shares == [0, SHARE, 60, 0]
    fairly(gateway)
    assert autoscalers(release)[f"{release.name}-green"] == 2
    answers(release, "v2")
    wait_until("v1 to go", lambda: release.images() == {release.image("v2")})
    figures.note("canary", "requests meanwhile", sum(load.answers.values()), "")


def test_a_version_that_fails_one_time_in_ten_is_taken_back(release: Release) -> None:
    good = release.images()
    bad = release.image("bad", FAULT)
    with asked(release) as (gateway, load), figures.timed("canary", "bad version taken back in"):
        result = release.run("deploy", "production", bad, **QUICK | {"CANARY_SECONDS": "60"})
        wait_until("the bad pods to go", lambda: release.images() == good)
    assert result.returncode == 1, result.stderr
    (why,) = [line for line in result.stderr.splitlines() if line.startswith("judge: ") and "failed" in line]
    assert re.fullmatch(rf"judge: \d+ of \d+ requests to {release.name}-blue failed: more than 5 %", why)
    assert f"production runs {next(iter(good))} as before" in result.stderr.splitlines()[-1]
    assert gateway.shares == [0, SHARE, 0]
    fairly(gateway)
    everything = sum(gateway.answered.values())
    seen = sum(number for (name, *_), number in gateway.answered.items() if name.endswith("-canary"))
    assert 0 < seen <= everything * SHARE / 100, gateway.answered
    failed = {key: number for key, number in gateway.answered.items() if key[1] != 200}
    assert {(name, status) for name, status, _ in failed} == {(f"{release.name}-canary", 500)}
    assert sum(failed.values()) == sum(number for status, number in load.answers.items() if status != 200)
    figures.note("canary", "requests that saw the bad version", round(100 * seen / everything, 1), "%")


def test_a_deployment_that_is_cut_off_keeps_its_share_until_the_next_one(release: Release) -> None:
    """It leaves the traffic as the weights say; whatever comes next begins with none."""
    image = release.image("v3")
    with asked(release) as (gateway, load):
        settings = QUICK | {"CANARY_SECONDS": "60"}
        with release.start("deploy", "production", image, config=None, **settings) as process:
            wait_until("a share", lambda: gateway.share() == SHARE)
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate(timeout=30)
        assert gateway.share() == SHARE
        by_hand = release.run("rollback", "production", release.image("v1"))
        assert by_hand.returncode == 0, by_hand.stderr
        answers(release, "v1")
    assert set(load.answers) == {200}
    assert gateway.shares == [0, SHARE, 0], "rolled back by hand, it gets all at once"
    fairly(gateway)

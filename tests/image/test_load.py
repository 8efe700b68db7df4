"""Ten seconds of load on two instances, one of which is told to stop in the middle."""

import threading
import time

import pytest

from tests.image.conftest import Service
from tests.support import engine
from tests.support.engine.container import Container
from tests.support.engine.load import Load
from tests.support.run import figures

pytestmark = pytest.mark.engine

SECONDS = 10


def test_no_request_is_lost_when_an_instance_stops_under_load(service: Service) -> None:
    with service.start(health=True) as first, service.start(health=True) as second:
        first.wait_until_it_answers()
        second.wait_until_it_answers()
        memory: list[float] = []
        with Load(lambda: [first.port, second.port]).running() as load:
            watcher = threading.Thread(target=watch, args=(first, memory))
            watcher.start()
            time.sleep(SECONDS / 2)
            watcher.join()
            start = time.monotonic()
            first.signal("TERM")
            exit_code = first.wait()
            stopped_in = time.monotonic() - start
            time.sleep(max(0, SECONDS / 2 - stopped_in))
        assert exit_code == 0
        assert load.lost == []
        assert set(load.answers) == {200}
        assert load.answers[200] > load.workers  # more than what was under way at the start
        for container in (first, second):
            state = engine.inspect("container", container.name)["State"]
            assert not state["OOMKilled"]
        finished = [line for line in first.lines() if line["message"] == "request"]
        assert all(line["status"] == 200 for line in finished)
    figures.note(service.label, "requests", load.answers[200] / SECONDS, "/s")
    figures.note(service.label, "memory under load", max(memory), "MiB")
    figures.note(service.label, "SIGTERM to exit under load", stopped_in, "s")
    figures.note(service.label, "asked again", load.asked_again, "times")
    assert max(memory) < service.row["memory"]["limit"]


def watch(container: Container, memory: list[float]) -> None:
    for _ in range(2):
        memory.append(container.memory())

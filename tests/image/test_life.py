"""How a service starts and stops: on each address family, and whenever a signal comes."""

import json
import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.image.conftest import Service
from tests.support import engine
from tests.support.engine import wire
from tests.support.engine.container import RESTRICTIONS, Container
from tests.support.run import figures

pytestmark = pytest.mark.engine

# As a kernel that was started with ipv6.disable=1: there is no such family.
NO_IPV6 = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [
        {
            "names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 97,
            "args": [{"index": 0, "value": 10, "op": "SCMP_CMP_EQ"}],
        }
    ],
}  # fmt: skip


def health_check(service: Service) -> list[str]:
    command: list[str] = engine.inspect("image", service.image)["Config"]["Healthcheck"]["Test"][1:]
    return command


@contextmanager
def in_network(service: Service, *options: str) -> Iterator[Container]:
    """The service in a network of its own, without the port of this machine."""
    identity = uuid.uuid4().hex[:8]
    network = name = f"shipshape-test-{identity}"
    engine.docker("network", "create", *options, network)
    try:
        engine.docker("run", "--detach", f"--name={name}", f"--network={network}", *RESTRICTIONS, service.image)
        found = engine.inspect("container", name)["NetworkSettings"]["Networks"][network]
        yield Container(name, service.row["port"], found["GlobalIPv6Address"] or found["IPAddress"])
    finally:
        engine.docker("rm", "--force", name, check=False)
        engine.docker("network", "rm", network)


def test_it_is_reached_over_ipv6_alone(service: Service) -> None:
    """As on EKS: https://docs.aws.amazon.com/eks/latest/userguide/cni-ipv6.html ."""
    with in_network(service, "--ipv6", "--ipv4=false") as container:
        container.wait_until_it_answers()
        assert container.get("/").status == 200
        engine.docker("exec", container.name, *health_check(service))


def test_it_is_reached_over_both_families(container: Container) -> None:
    for host in ("127.0.0.1", "::1"):
        assert Container(container.name, container.port, host).get("/").status == 200, host


def test_it_is_reached_where_there_is_no_ipv6(service: Service, tmp_path: Path) -> None:
    profile = tmp_path / "no-ipv6.json"
    profile.write_text(json.dumps(NO_IPV6))
    with service.start(f"--security-opt=seccomp={profile}") as container:
        container.wait_until_it_answers()
        engine.docker("exec", container.name, *health_check(service))


def test_the_health_check_does_not_hide_that_ipv6_is_missing(service: Service, container: Container) -> None:
    """Beside something on IPv4 alone that answers as a service does, while the machine has IPv6."""
    with on_ipv4_alone() as port, pytest.raises(engine.DockerError, match="exit code 1"):
        engine.docker("exec", f"--env=PORT={port}", container.name, *health_check(service))


@contextmanager
def on_ipv4_alone() -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"status": "ok"}')

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_the_health_check_has_time(service: Service) -> None:
    """With little CPU a runtime takes seconds to start: Java 3.2 s at a quarter of a core."""
    assert engine.inspect("image", service.image)["Config"]["Healthcheck"]["Timeout"] == 10e9


def test_the_health_check_leaves_time_to_the_start(service: Service) -> None:
    """With a quarter of a core, a check each 0.25 s held up Node's first answer from 1.5 s to 2.0 s."""
    check = engine.inspect("image", service.image)["Config"]["Healthcheck"]
    assert check["StartInterval"] == (0.25e9 if service.row["light"] else 1e9)


@pytest.mark.parametrize("delay", [0, 0.1, 0.2, 0.4])
def test_a_signal_during_the_start_ends_it(service: Service, delay: float) -> None:
    """From the first statement on: what comes before is thrown away by the kernel, and no statement can mend that."""
    with service.start("--env=LOG_LEVEL=debug") as container:
        figures.note(service.label, "start to the first signal that is heard", container.heeds("TERM"), "s")
        time.sleep(delay)
        container.signal("TERM")
        code = container.wait(seconds=8)
        assert code in {0, 143}
        assert [line["level"] for line in container.lines() if line["level"] in {"warn", "error"}] == []


def test_a_signal_at_the_first_answer_stops_it_in_order(service: Service) -> None:
    """With little CPU, a runtime that listens may be busy with the rest of its start for a while."""
    with service.start("--cpus=0.5") as container:
        process = container.pid
        container.wait_until_it_answers()
        os.kill(process, signal.SIGTERM)  # at once, where `docker kill` takes its time
        assert container.wait() == 0
        assert [line["level"] for line in container.lines() if line["level"] in {"warn", "error"}] == []


def test_connections_that_ask_nothing_do_not_hold_up_the_stop(service: Service, container: Container) -> None:
    """One that is new, one that is kept alive, and two that have sent half of a first and of a second header."""
    sent = [(b"", b""), (wire.GET, b""), (b"", wire.HEAD), (wire.GET, wire.HEAD)]
    connections = [container.socket() for _ in sent]
    for connection, (whole, half) in zip(connections, sent, strict=True):
        if whole:
            connection.sendall(whole)
            wire.read_one(connection)
        connection.sendall(half)
    time.sleep(0.3)  # until the service has read them
    process, start = container.pid, time.time()
    os.kill(process, signal.SIGTERM)  # and the engine's time of the end: commands take seconds to start under load
    assert container.wait() == 0
    took = container.ended() - start
    for connection in connections:
        connection.close()
    figures.note(service.label, "SIGTERM to exit", took, "s")
    assert took < 3


def test_two_signals_are_as_one(container: Container) -> None:
    """Compose and a terminal send two; the second must not cut what the first lets finish."""
    with ThreadPoolExecutor() as pool:
        first, second = (pool.submit(container.signal, name) for name in ("INT", "TERM"))
    failures = [failure for failure in (first.exception(), second.exception()) if failure]
    assert container.wait() == 0
    assert all("is not running" in str(failure) for failure in failures), failures  # the other one was faster
    assert len(failures) < 2


def test_an_unknown_argument_is_refused_in_one_line(service: Service) -> None:
    code, lines = service.run("sing --loudly")
    assert code == 2
    assert [(line["level"], line["message"]) for line in lines] == [("error", "bad arguments")]

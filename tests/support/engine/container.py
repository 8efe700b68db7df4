"""One container of a service, run as production runs it."""

import json
import os
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import Any

from tests.support.engine import docker, inspect

# docs/contract.md: what every orchestrator allows a service, and no more.
RESTRICTIONS = (
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--tmpfs=/tmp",
    "--pids-limit=256",
)
# Seconds until something that comes soon is given up: other lanes may keep the machine busy for a minute.
PATIENCE = 180


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, read whole."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Container:
    """A container that listens on a port of `host`; `below` is where the slice is: at a back end."""

    name: str
    port: int
    host: str = "127.0.0.1"
    below: str = ""

    def at(self, path: str) -> str:
        """Where it answers what the service of the slice answers at this path."""
        return self.below + path if path.startswith("/items") else path

    def connect(self, timeout: float = 20) -> HTTPConnection:
        return HTTPConnection(self.host, self.port, timeout=timeout)

    def get(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        connection = self.connect()
        try:
            named = {name.replace("_", "-"): text for name, text in headers.items()}
            connection.request(method, self.at(path), body, named)
            return read(connection.getresponse())
        finally:
            connection.close()

    def post(self, path: str, content: object, **headers: str) -> Answer:
        """Send JSON, or bytes as they are."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return self.get(path, "POST", body, **{"Content_Type": "application/json"} | headers)

    def socket(self, timeout: float = 20) -> socket.socket:
        return socket.create_connection((self.host, self.port), timeout=timeout)

    def wait_until_it_answers(self, seconds: float = PATIENCE) -> float:
        """Wait for `/healthz`; returns the seconds that it took, raises AssertionError with the log."""
        start = time.monotonic()
        look = start + 5  # at whether it still runs: not each time, for it costs a process
        while time.monotonic() - start < seconds:
            try:
                if self.get("/healthz").status == 200:
                    return time.monotonic() - start
            except (OSError, HTTPException):
                time.sleep(0.02)
            if time.monotonic() > look:
                assert self.state()["Running"], f"it has ended:\n{self.output()}"
                look = time.monotonic() + 5
        raise AssertionError(f"no answer within {seconds} s:\n{self.output()}")

    def wait_for_health(self, wanted: str, seconds: float = PATIENCE) -> float:
        start = time.monotonic()
        while (status := self.state()["Health"]["Status"]) != wanted:
            assert time.monotonic() - start < seconds, f"{status}, not {wanted}: {self.state()['Health']['Log'][-1:]}"
            time.sleep(0.05)
        return time.monotonic() - start

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = inspect("container", self.name)["State"]
        return state

    @property
    def pid(self) -> int:
        number: int = self.state()["Pid"]
        return number

    def output(self) -> str:
        """All that the process wrote, to stdout and stderr alike."""
        command = ["docker", "logs", self.name]
        return subprocess.run(command, stdout=PIPE, stderr=STDOUT, text=True, check=True).stdout

    def lines(self) -> list[dict[str, Any]]:
        """The log, parsed; raises where a line is not a JSON object."""
        return [json.loads(line) for line in self.output().splitlines()]

    def lines_of(self, request_id: str, seconds: float = 30) -> list[dict[str, Any]]:
        """The lines of a request, as soon as there is the one that says that it is finished: after the answer."""
        deadline = time.monotonic() + seconds
        while True:
            found = [line for line in self.lines() if line.get("request_id") == request_id]
            if any(line["message"] == "request" for line in found):
                return found
            assert time.monotonic() < deadline, f"no line of the request {request_id}: {found}"
            time.sleep(0.05)

    def loud_lines(self, count: int, seconds: float = 30) -> list[tuple[str, str]]:
        """Level and message of each line above `info`, as soon as there are so many: they may come after the answer."""
        deadline = time.monotonic() + seconds
        while True:
            lines = [line for line in self.lines() if line["level"] not in {"debug", "info"}]
            if len(lines) >= count or time.monotonic() > deadline:
                return [(line["level"], line["message"]) for line in lines]
            time.sleep(0.05)

    def metrics(self, *wanted: str, seconds: float = 30) -> Answer:
        """The metrics, as soon as they have all that is wanted: a request is counted after its answer."""
        deadline = time.monotonic() + seconds
        while True:
            answer = self.get("/metrics")
            missing = [text for text in wanted if text not in answer.body]
            if not missing:
                return answer
            assert time.monotonic() < deadline, f"no {missing} in\n{answer.body}"
            time.sleep(0.05)

    def signal(self, name: str) -> None:
        docker("kill", f"--signal={name}", self.name)

    def started(self) -> float:
        """When its process began, in seconds since 1970."""
        return self._time("StartedAt")

    def ended(self) -> float:
        """When its process had ended, in seconds since 1970."""
        return self._time("FinishedAt")

    def _time(self, name: str) -> float:
        return datetime.fromisoformat(self.state()[name][:26] + "Z").timestamp()

    def heeds(self, name: str, seconds: float = 30) -> float:
        """Wait until its process catches a signal, as proc(5) has it in SigCgt; returns the seconds since it began.

        Until then the kernel throws the signal away: no process 1 of a container is ended by what it does not catch.
        """
        state = self.state()
        bit = 1 << (getattr(signal, f"SIG{name}") - 1)
        status = Path(f"/proc/{state['Pid']}/status")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt:")).split()[1]
            if int(caught, 16) & bit:
                return time.time() - self.started()
            time.sleep(0.002)
        raise AssertionError(f"it never catches SIG{name}")

    def wait(self, seconds: float = 60) -> int:
        """Wait for its end; returns its exit code."""
        return int(docker("wait", self.name, timeout=seconds))

    def memory(self) -> float:
        """MiB in use."""
        text = docker("stats", "--no-stream", "--format={{.MemUsage}}", self.name).split("/")[0].strip()
        number = float(text.rstrip("KMGiB"))
        return number * {"K": 1 / 1024, "M": 1, "G": 1024}[text[-3]]


def read(response: HTTPResponse) -> Answer:
    return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read().decode())


def as_root(*command: str) -> str:
    """Run a command as root; raises AssertionError with what it printed."""
    prefix = ("sudo", "--non-interactive") if os.geteuid() else ()
    result = subprocess.run([*prefix, *command], stdout=PIPE, stderr=STDOUT, text=True, check=False)
    assert result.returncode == 0, result.stdout
    return result.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    image: str, *options: str, memory: int, port: int = 0, command: tuple[str, ...] = (), below: str = ""
) -> Iterator[Container]:
    """Start a container under the contract's restrictions, and remove it in the end.

    It is in the machine's own network, so that no proxy of Docker's stands between the test and the listener.
    """
    name = f"shipshape-test-{uuid.uuid4().hex[:8]}"
    port = port or free_port()
    network = ("--network=host", f"--env=PORT={port}")
    limits = (f"--memory={memory}m", *RESTRICTIONS)
    docker("run", "--detach", f"--name={name}", *network, *limits, *options, image, *command)
    try:
        yield Container(name, port, below=below)
    finally:
        docker("rm", "--force", "--volumes", name)

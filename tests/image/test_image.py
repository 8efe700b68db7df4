"""docs/contract.md, asked of the running image of every language, in the same way."""

import re
import shutil
import socket
import subprocess
import tarfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.image.conftest import Service
from tests.support import engine
from tests.support.engine.container import Answer, Container, as_root, free_port
from tests.support.render import edit_source
from tests.support.run import figures

pytestmark = pytest.mark.engine

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
LEVELS = {"debug", "info", "warn", "error"}


@contextmanager
def silent_server() -> Iterator[int]:
    """A port that takes connections and never says a word, as a database that hangs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_the_endpoints(service: Service, container: Container) -> None:
    index = container.get("/")
    assert service.says_who_it_is(index), index
    assert service.expected["index"] == "page" or index.json == {"service": "orders-api", "version": "1.2.3"}
    assert (container.get("/healthz").status, container.get("/healthz").json) == (200, {"status": "ok"})
    ready = container.get("/readyz")
    assert (ready.status, ready.json) == (200, {"status": "ready", "checks": {}})
    for path in ("/healthz", "/readyz"):
        assert container.get(path).headers["content-type"].startswith("application/json"), path
    assert container.get("/no/such/page?x=1").status == 404
    assert 400 <= container.get("/", method="BREW").status < 500, "a parser may refuse a method that it doesn't know"


def test_the_integration_test_of_a_deployment_passes(service: Service, container: Container) -> None:
    """By curl, which takes whatever comes."""
    command = [str(service.project / "scripts/integration.sh"), f"http://127.0.0.1:{container.port}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_request_id_is_taken_or_made(container: Container) -> None:
    assert container.get("/", X_Request_ID="caller-1.a_B").headers["x-request-id"] == "caller-1.a_B"
    for bad in ("", "two words", "x" * 129, "a;b", "<script>"):
        made = container.get("/", X_Request_ID=bad).headers["x-request-id"]
        assert uuid.UUID(made), bad
    assert container.get("/").headers["x-request-id"] != container.get("/").headers["x-request-id"]


def test_the_metrics(container: Container) -> None:
    container.get("/")
    container.get("/secret/swordfish")
    container.get("/", method="PROPFIND")
    answer = container.metrics('route="/"', 'status="404"', 'method="OTHER"')
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain")
    samples = dict(line.rsplit(" ", 1) for line in answer.body.splitlines() if line and line[0] != "#")
    parsed = {parse_sample(name): float(value) for name, value in samples.items()}
    root = frozenset({("method", "GET"), ("route", "/"), ("status", "200")})
    assert parsed["http_requests_total", root] == 1
    assert parsed["http_request_duration_seconds_count", root] == 1
    assert parsed["http_request_duration_seconds_bucket", root | {("le", "+Inf")}] == 1
    unmatched = frozenset({("method", "GET"), ("route", "unmatched"), ("status", "404")})
    assert parsed["http_requests_total", unmatched] == 1
    assert "swordfish" not in answer.body, "a path that was sent must not become a series"
    assert "PROPFIND" not in answer.body, "a caller must not make series by methods"
    assert any(dict(labels).get("method") == "OTHER" for _, labels in parsed)
    bounds = {float(dict(labels)["le"]) for name, labels in parsed if name == "http_request_duration_seconds_bucket"}
    assert {0.005, 10.0} <= bounds
    assert "# TYPE http_requests_total counter" in answer.body
    assert "# TYPE http_request_duration_seconds histogram" in answer.body


def parse_sample(text: str) -> tuple[str, frozenset[tuple[str, str]]]:
    name, _, labels = text.partition("{")
    return name, frozenset(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels))


def test_the_log_is_json_from_the_first_line_to_the_last(service: Service) -> None:
    with service.start("--env=LOG_LEVEL=debug") as container:
        container.wait_until_it_answers()
        container.get("/", X_Request_ID="abc-1")
        container.get("/nothing", X_Request_ID="abc-2")
        container.get("/healthz", X_Request_ID="abc-3")
        with socket.create_connection(("127.0.0.1", container.port)) as raw:
            raw.sendall(b"this is no http\r\n\r\n")
            raw.recv(1000)
        container.signal("TERM")
        assert container.wait() == 0
        lines = container.lines()
    for line in lines:
        assert TIME.fullmatch(line["time"]), line
        assert line["level"] in LEVELS, line
        assert line["message"], line
        moment = datetime.fromisoformat(line["time"])
        assert abs(datetime.now(moment.tzinfo) - moment) < timedelta(minutes=2)
    requests = {line["request_id"]: line for line in lines if line["message"] == "request"}
    for request_id, route, status, level in [
        ("abc-1", "/", 200, "info"),
        ("abc-2", "unmatched", 404, "info"),
        ("abc-3", "/healthz", 200, "debug"),
    ]:
        line = requests[request_id]
        assert (line["method"], line["route"], line["status"], line["level"]) == ("GET", route, status, level)
        assert 0 <= line["duration_ms"] < 5000
        assert isinstance(line["duration_ms"], float | int)


def test_probes_do_not_fill_the_log(container: Container) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        container.get(path)
    assert [line for line in container.lines() if line["message"] == "request"] == []


def test_user_and_privileges(service: Service, container: Container) -> None:
    assert engine.inspect("image", service.image)["Config"]["User"] == "65532:65532"
    lines = Path(f"/proc/{container.pid}/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert set(status["Uid"].split()) == {"65532"}
    assert set(status["Gid"].split()) == {"65532"}
    assert set(status["Groups"].split()) <= {"65532"}
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"


def test_nothing_can_be_written_but_tmp(container: Container) -> None:
    """Through the container's own mounts, as root even: an image may have no shell to try it with."""
    as_root("touch", f"/proc/{container.pid}/root/tmp/probe")
    for folder in ("", "etc", "usr", "home", "var/tmp", "app"):
        with pytest.raises(AssertionError, match=r"Read-only file system|No such file or directory") as error:
            as_root("touch", f"/proc/{container.pid}/root/{folder}/probe")
        assert folder in {"home", "var/tmp", "app"} or "Read-only" in str(error.value), "every image has this folder"


def test_nothing_in_the_image_belongs_to_the_service(service: Service, tmp_path: Path) -> None:
    """Where a root file system is not read-only, a service still can't change its own program."""
    archive = tmp_path / "image.tar"
    name = f"shipshape-test-{uuid.uuid4().hex[:8]}"
    engine.docker("create", f"--name={name}", service.image)
    try:
        engine.docker("export", f"--output={archive}", name)
    finally:
        engine.docker("rm", name)
    with tarfile.open(archive) as files:
        theirs = [f.name for f in files if f.uid == 65532 or (f.mode & 0o002 and not f.issym() and not f.mode & 0o1000)]
    # Docker makes /dev for each container; distroless images have a home folder for the user.
    assert [path for path in theirs if not path.startswith(("dev/", "home/nonroot"))] == []


def test_it_turns_healthy(service: Service) -> None:
    start = time.monotonic()
    with service.start(health=True) as container:
        container.wait_until_it_answers()
        figures.note(service.label, "start to first answer", time.monotonic() - start, "s")
        container.wait_for_health("healthy")
        figures.note(service.label, "start to healthy", time.monotonic() - start, "s")
        time.sleep(1)
        figures.note(service.label, "memory idle", container.memory(), "MiB")
    health = engine.inspect("image", service.image)["Config"]["Healthcheck"]
    assert health["Test"][0] == "CMD"


def test_the_health_check_tells_a_dead_service(service: Service) -> None:
    """The check is run beside a service that answers, and beside a port where nothing does."""
    command = engine.inspect("image", service.image)["Config"]["Healthcheck"]["Test"][1:]
    with service.start() as container:
        container.wait_until_it_answers()
        engine.docker("exec", container.name, *command)
        with pytest.raises(engine.DockerError, match="exit code 1"):
            engine.docker("exec", f"--env=PORT={free_port()}", container.name, *command)


def test_a_running_request_is_finished_before_the_stop(service: Service) -> None:
    """A readiness check of what hangs takes 2 s: SIGTERM comes in its middle."""
    answers: list[Answer] = []
    with (
        silent_server() as asked,
        service.start(service.asks(asked)) as c,
    ):
        c.wait_until_it_answers()
        asking = threading.Thread(target=lambda: answers.append(c.get("/readyz", X_Request_ID="slow")))
        asking.start()
        time.sleep(0.7)
        assert not answers
        c.signal("TERM")
        exit_code = c.wait()
        asking.join()
        lines = c.lines()
    (answer,) = answers
    assert (answer.status, answer.json) == (503, {"status": "unavailable", "checks": {service.check: "failed"}})
    assert exit_code == 0
    assert [line["check"] for line in lines if line["message"] == "check failed"] == [service.check]
    assert all(TIME.fullmatch(line["time"]) for line in lines)


def test_readiness_fails_within_its_limit_and_liveness_does_not(service: Service) -> None:
    with (
        silent_server() as asked,
        service.start(service.asks(asked)) as c,
    ):
        c.wait_until_it_answers()
        start = time.monotonic()
        assert c.get("/readyz").status == 503
        assert time.monotonic() - start < 3
        assert c.get("/healthz").status == 200
        c.signal("TERM")
        start = time.monotonic()
        assert c.wait() == 0
        assert time.monotonic() - start < 5


def test_the_unit_tests_and_linters_pass_inside(service: Service) -> None:
    for target in ("lint", "test"):
        with figures.timed(service.label, target):
            engine.build(service.project, f"--target={target}", "--output=type=cacheonly")


def test_the_linters_and_unit_tests_can_fail(service: Service, tmp_path: Path) -> None:
    """One line out of form, one wrong word: what passes on these checks nothing."""
    for target, wrong in [("lint", '"ready"   '), ("test", '"prepared"')]:
        project = Path(shutil.copytree(service.project, tmp_path / target))
        edit_source(project, '"ready"', wrong)
        with pytest.raises(engine.DockerError, match="did not complete successfully"):
            engine.build(project, f"--target={target}", "--output=type=cacheonly")

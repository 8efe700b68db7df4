"""The log collector of a host, rsyslog itself: it takes the service's lines from Docker's files, and sends them on."""

import json
import re
import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from shipshape.template import Answers

from tests.support.cluster.manifests import program
from tests.support.engine.container import free_port
from tests.support.render import ORDERS
from tests.support.sigstore.keys import Authority
from tests.support.tools import run

SERVICE = ORDERS["service_name"]
SETTINGS = "deploy/compose/monitoring/rsyslog.conf"
COLLECTOR = "logs.example.com"
LINE = {"time": "2026-01-31T12:00:00.000Z", "level": "error", "message": "request", "error": "x" * 15_000 + " \"'\n"}


@pytest.fixture
def project(rendered: Callable[[Answers], Path]) -> Path:
    return rendered({"language": "go", "orchestrator": "compose"})


def rsyslogd() -> str:
    return program("rsyslogd", "the packages rsyslog and rsyslog-gnutls of Debian and Ubuntu")


def kept(container: str, line: object, project: str = SERVICE) -> str:
    """A line as Docker's json-file driver keeps it, with the labels that Compose asks for."""
    attributes = {"com.docker.compose.project": project, "com.docker.compose.service": container}
    text = line if isinstance(line, str) else json.dumps(line)
    return (
        json.dumps({"log": f"{text}\n", "stream": "stdout", "attrs": attributes, "time": "2026-01-31T12:00:00Z"}) + "\n"
    )


def settings(project: Path, folder: Path, port: int, authority: Path) -> Path:
    """Ours with other paths, and the collector on this machine; returns the main file that includes it."""
    text = (project / SETTINGS).read_text()
    for before, after in {
        "/home/deploy/.local/share/docker/containers": str(folder / "containers"),
        "/etc/ssl/certs/ca-certificates.crt": str(authority),
        f'target="{COLLECTOR}" port="6514"': f'target="127.0.0.1" port="{port}"',
    }.items():
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    (folder / "ours.conf").write_text(text)
    return including(folder / "ours.conf", folder)


def including(ours: Path, folder: Path) -> Path:
    """The main file of a machine, as Debian's: it says where to keep what waits, and includes others."""
    (folder / "work").mkdir()
    main = folder / "rsyslog.conf"
    main.write_text(f'global(workDirectory="{folder / "work"}")\ninclude(file="{ours}")\n')
    return main


def test_rsyslog_takes_the_file_as_it_is(project: Path, tmp_path: Path) -> None:
    run([rsyslogd(), "-N1", "-f", str(including(project / SETTINGS, tmp_path))])


@pytest.mark.parametrize("host", [COLLECTOR, "elsewhere.example.com"])
def test_the_service_s_lines_reach_the_collector(host: str, project: Path, tmp_path: Path) -> None:
    """Those of its two slots alone; and nothing where another answers for the collector."""
    authority = Authority(tmp_path, "authority")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.server(host, tmp_path))
    port = free_port()
    main = settings(project, tmp_path, port, authority.certificate)
    written = {
        "one": kept("blue", LINE) + kept("blue", '{"message": "cut he') + kept("green", LINE | {"error": ""}),
        "two": kept("proxy", {"level": "info"}) + kept("blue", {"level": "info"}, project="another"),
    }
    for name, text in written.items():
        (tmp_path / "containers" / name).mkdir(parents=True)
        (tmp_path / "containers" / name / f"{name}-json.log").write_text(text)
    with socket.create_server(("127.0.0.1", port)) as server:
        server.settimeout(30)
        command = [rsyslogd(), "-n", "-f", str(main), "-i", str(tmp_path / "pid")]
        with (tmp_path / "log").open("w") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
            try:
                found = received(server, context)
            finally:
                process.terminate()
                process.wait(60)
    if host != COLLECTOR:
        assert found == []
        return
    assert [(one["container"], one["line"]) for one in found] == [("blue", LINE), ("green", LINE | {"error": ""})]
    assert {one["host"] for one in found} == {socket.gethostname().split(".")[0]}


def received(server: socket.socket, context: ssl.SSLContext) -> list[Any]:
    """The lines of a connection that says nothing more for five seconds; none where it ends its handshake."""
    plain, _ = server.accept()
    text = b""
    try:
        with context.wrap_socket(plain, server_side=True) as connection:
            connection.settimeout(5)
            while part := connection.recv(65536):
                text += part
    except (TimeoutError, ssl.SSLError, ConnectionError):
        pass
    return [json.loads(line) for line in text.splitlines()]


def test_docker_keeps_what_it_asks_for(project: Path) -> None:
    compose = yaml.safe_load((project / "deploy/compose/compose.prod.yaml").read_text())
    asked = set(re.findall(r"\$!attrs!([\w.]+)", (project / SETTINGS).read_text()))
    for name, service in compose["services"].items():
        assert set(service["logging"]["options"]["labels"].split(",")) == asked, name

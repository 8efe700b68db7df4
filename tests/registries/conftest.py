"""The clouds' token endpoints on this machine, under their own names, and the programs that the scripts call."""

import datetime
import json
import os
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from shipshape.template import Answers

NAMES = ["token.actions.test", "sts.googleapis.com", "login.microsoftonline.com", "exampleregistry.azurecr.io"]


@dataclass
class Clouds:
    """What was asked of which host, and what it answers: status and JSON by host."""

    answers: dict[str, tuple[int, Any]]
    home: Path
    asked: list[tuple[str, str, dict[str, Any], str]] = field(default_factory=list)

    def asked_of(self, host: str) -> tuple[str, dict[str, Any], str]:
        """Path, fields and Authorization of the one request to a host."""
        ((_, path, fields, authorization),) = [request for request in self.asked if request[0] == host]
        return path, fields, authorization


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "clouds")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in NAMES]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    paths[1].write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    return paths


@pytest.fixture
def clouds(tmp_path: Path) -> Iterator[Clouds]:
    home = tmp_path / "home"
    home.mkdir()
    made = Clouds({}, home)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            url, host = urlsplit(self.path), self.headers["Host"]
            if self.headers.get("Content-Type") == "application/json":
                fields = json.loads(body)
            else:
                fields = {name: value for name, (value,) in parse_qs(body or url.query, strict_parsing=True).items()}
            made.asked.append((host, url.path, fields, self.headers.get("Authorization", "")))
            status, answer = made.answers[host]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing: the test has `asked`."""

    public, private = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        # whatever host curl is asked for, it talks to this server, and asks for that host's certificate all the same
        (home / ".curlrc").write_text(f'connect-to = "::127.0.0.1:{server.server_port}"\ncacert = "{public}"\n')
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield made
        server.shutdown()


@dataclass
class Programs:
    """Stand-ins for command-line programs: each call is noted, and answered by the lines of shell that are given."""

    folder: Path

    def put(self, name: str, body: str) -> None:
        path = self.folder / name
        path.write_text(f'#!/usr/bin/env bash\nprintf "%s\\n" "{name} $*" >> "{self.folder}/calls"\n{body}\n')
        path.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    folder = tmp_path / "programs"
    folder.mkdir()
    return Programs(folder)


@pytest.fixture
def script(
    rendered: Callable[[Answers], Path], programs: Programs, clouds: Clouds
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a script of a registry's folder, such as gar and login.sh, in an environment of its own."""

    def run(registry: str, name: str, **environment: str) -> subprocess.CompletedProcess[str]:
        path = rendered({"language": "python", "registry": registry}) / "deploy" / registry / name
        clean = {"PATH": f"{programs.folder}{os.pathsep}{os.environ['PATH']}", "HOME": str(clouds.home)}
        return subprocess.run([path], env=clean | environment, capture_output=True, text=True, check=False)

    return run

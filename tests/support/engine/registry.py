"""A registry on this machine that asks who pulls, and forgets nothing of who did."""

import base64
import json
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USER = "deployer"


@dataclass
class Guarded:
    """A registry that can be read with one name and password alone (HTTP Basic, RFC 7617)."""

    address: str
    password: str
    reads: list[str] = field(default_factory=list)

    @property
    def login(self) -> str:
        """A config.json of Docker that may read here."""
        return json.dumps({"auths": {self.address: {"auth": self.token}}})

    @property
    def token(self) -> str:
        return base64.b64encode(f"{USER}:{self.password}".encode()).decode()


@contextmanager
def guarded(behind: str, at: str = "127.0.0.1") -> Iterator[Guarded]:
    """Let nobody read the registry `behind` (host:port) but who has the password of this run; listens at `at`."""
    password = os.urandom(12).hex()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.headers.get("Authorization") != f"Basic {front.token}":
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="registry"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            front.reads.append(self.path)
            names = ("Accept",)
            headers = {name: self.headers[name] for name in names if name in self.headers}
            request = urllib.request.Request(f"http://{behind}{self.path}", headers=headers, method=self.command)
            try:
                answer = urllib.request.urlopen(request, timeout=60)
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                body = answer.read()
                self.send_response(answer.status)
                for name in ("Content-Type", "Docker-Content-Digest"):
                    if name in answer.headers:
                        self.send_header(name, answer.headers[name])
                self.send_header("Content-Length", answer.headers.get("Content-Length", str(len(body))))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing: the test has `reads`."""

    with ThreadingHTTPServer((at, 0), Handler) as server:
        front = Guarded(f"{at}:{server.server_port}", password)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield front
        finally:
            server.shutdown()

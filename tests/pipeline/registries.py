"""Registries that differ from the book: a proxy before one that follows it."""

import hashlib
import http.client
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Exchange:
    """One request, and how the registry behind would answer it."""

    method: str
    path: str
    ask: Callable[[], Answer]
    content: bytes
    kind: str  # of the content: its media type

    @property
    def manifest(self) -> str:
        """The tag or digest of the manifest that is asked for; empty where it is about something else."""
        match = re.fullmatch(r"/v2/.+/manifests/([^/?]+)", self.path)
        return match[1] if match else ""

    @property
    def asks_for_tag(self) -> bool:
        return bool(self.manifest) and ":" not in self.manifest and self.method in {"GET", "HEAD"}


Quirk = Callable[[Exchange], Answer]


def error(status: int, code: str, message: str) -> Answer:
    """https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes."""
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    return Answer(status, {"Content-Type": "application/json"}, body)


def no_digest_on_head(request: Exchange) -> Answer:
    """https://github.com/distribution/distribution/issues/3792."""
    answer = request.ask()
    if request.method == "HEAD":
        answer.headers.pop("Docker-Content-Digest", None)
    return answer


def no_head(request: Exchange) -> Answer:
    return Answer(405, {}, b"") if request.method == "HEAD" and request.manifest else request.ask()


def missing_is_unauthorized(status: int, code: str, message: str) -> Quirk:
    """Say so of a tag, until something has been pushed; Quay, GHCR and Docker Hub each in its words.

    Who pushes asks for a token that allows it, and is told of digests as the book has it.
    """
    pushed: list[str] = []

    def quirk(request: Exchange) -> Answer:
        if request.method in {"POST", "PUT", "PATCH"}:
            pushed.append(request.path)
        if request.asks_for_tag and not pushed:
            return error(status, code, message)
        return request.ask()

    return quirk


def lagging_list(seconds: float) -> Quirk:
    """No referrers API, and a list of them, the tag `sha256-…`, that shows what was written only later: GHCR.

    https://github.com/NVIDIA/nodewright-packages/pull/132, https://github.com/NVIDIA/aicr/issues/1957
    """
    written: dict[str, list[tuple[float, Answer]]] = {}

    def quirk(request: Exchange) -> Answer:
        if "/referrers/" in request.path:
            return error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        answer = request.ask()
        if request.manifest.startswith("sha256-"):
            history = written.setdefault(request.path, [])
            if request.method == "PUT":
                digest = f"sha256:{hashlib.sha256(request.content).hexdigest()}"
                headers = {"Content-Type": request.kind, "Docker-Content-Digest": digest}
                history.append((time.monotonic() + seconds, Answer(200, headers, request.content)))
            else:
                shown = [old for since, old in history if since <= time.monotonic()]
                answer = shown[-1] if shown else error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        return answer

    return quirk


def like_ecr(request: Exchange) -> Answer:
    """Amazon's words, with an account's number in each."""
    answer = request.ask()
    if request.manifest and answer.status == 404:
        return error(
            404, "NAME_UNKNOWN",
            "The repository with name 'shop' does not exist in the registry with id '123456789012'",
        )  # fmt: skip
    return answer


def always(status: int, code: str, message: str) -> Quirk:
    """Answer so whoever asks for a tag; what is pushed is taken."""
    return lambda request: error(status, code, message) if request.asks_for_tag else request.ask()


def page(status: int, text: str) -> Quirk:
    """A web page where a registry's answer should be, as a proxy between writes it."""
    answer = Answer(status, {"Content-Type": "text/html"}, text.encode())
    return lambda request: answer if request.asks_for_tag else request.ask()


@dataclass
class Front:
    address: str
    requests: list[tuple[str, str]] = field(default_factory=list)


@contextmanager
def before(behind: str, quirk: Quirk) -> Iterator[Front]:
    """Put a quirk before the registry `behind` (host:port)."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def serve(self) -> None:
            front.requests.append((self.command, self.path))
            size = int(self.headers.get("Content-Length", 0))
            chunked = "chunked" in self.headers.get("Transfer-Encoding", "")
            content = self.chunks() if chunked else self.rfile.read(size)
            kind = self.headers.get("Content-Type", "")
            exchange = Exchange(self.command, self.path, lambda: self.ask(content), content, kind)
            answer = quirk(exchange)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in {"connection", "transfer-encoding", "date", "server"}:
                    self.send_header(name, value)
            if not any(name.lower() == "content-length" for name in answer.headers):
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = serve  # noqa: N815

        def chunks(self) -> bytes:
            content = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return content

        def ask(self, content: bytes) -> Answer:
            headers = {k: v for k, v in self.headers.items() if k.lower() not in {"transfer-encoding", "connection"}}
            headers["Content-Length"] = str(len(content))
            with closing(http.client.HTTPConnection(behind, timeout=60)) as connection:
                connection.request(self.command, self.path, body=content or None, headers=headers)
                with connection.getresponse() as answer:
                    return Answer(answer.status, dict(answer.getheaders()), answer.read())

        def log_message(self, *_: object) -> None:
            """Say nothing: the test has `requests`."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        front = Front(f"127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield front
        finally:
            server.shutdown()

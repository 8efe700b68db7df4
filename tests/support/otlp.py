"""A receiver of OpenTelemetry's traces, by OTLP over HTTP."""

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

SERVER, CLIENT = Span.SpanKind.SPAN_KIND_SERVER, Span.SpanKind.SPAN_KIND_CLIENT


@dataclass
class Receiver:
    """What came: the spans, the names of the services that sent them, and what was wrong with a request."""

    port: int = 0
    spans: list[Span] = field(default_factory=list)
    services: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def take(self, path: str, kind: str, body: bytes) -> None:
        if path != "/v1/traces" or kind != "application/x-protobuf":
            self.faults.append(f"{path} {kind}")
            return
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            names = {entry.key: entry.value.string_value for entry in resource.resource.attributes}
            self.services.add(names.get("service.name", ""))
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]

    def of(self, trace: str, kind: int) -> list[Span]:
        return [span for span in self.spans if span.trace_id.hex() == trace and span.kind == kind]

    def wait_for(self, trace: str, kind: int, seconds: float = 15) -> list[Span]:
        """The spans of this trace and kind, as soon as there is one."""
        deadline = time.monotonic() + seconds
        while not self.of(trace, kind) and time.monotonic() < deadline:
            time.sleep(0.1)
        return self.of(trace, kind)


@contextmanager
def receiver(port: int = 0) -> Iterator[Receiver]:
    received = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.chunked() if "Content-Length" not in self.headers else self.rfile.read(self.length)
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            received.take(self.path, self.headers["Content-Type"], body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        @property
        def length(self) -> int:
            return int(self.headers["Content-Length"])

        def chunked(self) -> bytes:
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as listening:
        received.port = listening.server_port
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        try:
            yield received
        finally:
            listening.shutdown()

"""Between a service and PostgreSQL, as a pooler is: it passes all on, and tells what the client said."""

import select
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

# https://www.postgresql.org/docs/current/protocol-message-formats.html : CancelRequest, SSLRequest, GSSENCRequest
NO_STARTUP = {80877102, 80877103, 80877104}


@dataclass
class Session:
    """What a client sent on one connection, without TLS."""

    sent: bytearray = field(default_factory=bytearray)

    @property
    def parameters(self) -> dict[str, str]:
        """Those of its StartupMessage; none where there was none."""
        return self._read()[0]

    @property
    def statements(self) -> list[str]:
        """The text of each Query and Parse."""
        return self._read()[1]

    def _read(self) -> tuple[dict[str, str], list[str]]:
        rest = bytes(self.sent)
        while len(rest) >= 8 and int.from_bytes(rest[4:8]) in NO_STARTUP:
            rest = rest[int.from_bytes(rest[:4]) :]
        end = int.from_bytes(rest[:4])
        words = rest[8:end].decode().split("\0")[:-2]  # each has a zero behind it, and the last one more
        rest, statements = rest[end:], []
        while rest:
            kind, end = rest[:1], 1 + int.from_bytes(rest[1:5])
            if kind in {b"Q", b"P"}:
                texts = rest[5:end].split(b"\0")
                statements.append(texts[kind == b"P"].decode())  # a Parse has the statement's name before it
            rest = rest[end:]
        return dict(zip(words[::2], words[1::2], strict=True)), statements


@contextmanager
def relayed(target: int, port: int = 0) -> Iterator[tuple[int, list[Session]]]:
    """Listen on a port, a free one by default, and pass each connection on to another; yields it and the sessions."""
    sessions: list[Session] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            sessions.append(session := Session())
            with socket.create_connection(("127.0.0.1", target)) as other:
                pairs = {self.request: other, other: self.request}
                while data := {source: source.recv(65536) for source in select.select(pairs, [], [])[0]}:
                    session.sent += data.get(self.request, b"")
                    if b"" in data.values():
                        return
                    for source, sent in data.items():
                        pairs[source].sendall(sent)

    with socketserver.ThreadingTCPServer(("127.0.0.1", port), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], sessions
        server.shutdown()

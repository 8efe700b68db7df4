"""HTTP as clients speak it that are slow, broken or hostile."""

import json
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass

from tests.support.engine.container import Container

BLOCK = 64 * 1024
HEAD = b"GET / HTTP/1.1\r\nHost: example.com\r\n"
GET = HEAD + b"\r\n"


@dataclass(frozen=True)
class End:
    """How a server ended it: after how many seconds, at which of the bytes, and what it had said."""

    seconds: float
    sent: int
    said: bytes

    @property
    def status(self) -> int:
        """0 where it only closed the connection."""
        return int(self.said.split()[1]) if self.said.startswith(b"HTTP/") else 0


def post(path: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: example.com", "Content-Type: application/json", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def dripped(container: Container, start: bytes, drop: bytes, seconds: float, after: bytes = b"") -> End:
    """Send `start`, then a drop each second, until the server says something or closes; `after` was answered before."""
    with container.socket() as connection:
        if after:
            connection.sendall(after)
            read_one(connection)
        return drip(connection, start, drop, seconds)


def drip(connection: socket.socket, start: bytes, drop: bytes, seconds: float) -> End:
    begun, sent = time.monotonic(), len(start)
    connection.settimeout(1)
    try:
        connection.sendall(start)
        while time.monotonic() - begun < seconds:
            try:
                said = connection.recv(BLOCK)
                return End(time.monotonic() - begun, sent, said)
            except TimeoutError:
                connection.sendall(drop)
                sent += len(drop)
    except OSError:
        return End(time.monotonic() - begun, sent, b"")
    raise AssertionError(f"still open after {seconds} s")


def poured(container: Container, start: bytes, blocks: Iterable[bytes]) -> End:
    """Send blocks as fast as they go, until the server answers or closes, or there are no more."""
    begun, sent, said = time.monotonic(), 0, b""
    with container.socket() as connection:
        try:
            connection.sendall(start)
            for block in blocks:
                connection.sendall(block)
                sent += len(block)
                connection.setblocking(False)
                try:
                    said = connection.recv(BLOCK)
                    break
                except BlockingIOError:
                    connection.settimeout(20)
            else:
                said = connection.recv(BLOCK)
        except (ConnectionError, TimeoutError):
            said = said or rest(connection)
    return End(time.monotonic() - begun, sent, said)


def rest(connection: socket.socket) -> bytes:
    """What came before the connection was reset, where the system still has it."""
    try:
        connection.settimeout(1)
        return connection.recv(BLOCK)
    except OSError:
        return b""


def read_one(connection: socket.socket) -> bytes:
    """One answer with a Content-Length, or chunked."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += more(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    while (
        not body.endswith(b"0\r\n\r\n")
        if b"content-length" not in fields
        else len(body) < int(fields[b"content-length"])
    ):
        body += more(connection)
    return head + b"\r\n\r\n" + body


def more(connection: socket.socket) -> bytes:
    data = connection.recv(BLOCK)
    if not data:
        raise ConnectionError("closed in the middle of an answer")
    return data


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def item(size: int) -> bytes:
    """A good item whose JSON has this many bytes: a field that is not known fills it up."""
    item = {"name": f"of {size} bytes", "quantity": 1, "note": ""}
    return json.dumps(item | {"note": "x" * (size - len(json.dumps(item)))}).encode()

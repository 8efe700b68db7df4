"""A Valkey with a password, with TLS or without."""

import contextlib
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support import engine
from tests.support.engine.container import free_port
from tests.support.render import TEMPLATE
from tests.support.sigstore.keys import Authority

PASSWORD = "cache-S3cret"  # noqa: S105


@dataclass(frozen=True)
class Cache:
    """A server on a port of 127.0.0.1."""

    name: str
    port: int
    tls: tuple[str, ...] = ()

    def cli(self, *command: str, password: str = PASSWORD) -> str:
        """Run a command as the default user."""
        tool = ("valkey-cli", "--no-auth-warning", "-p", str(self.port), "-a", password, *self.tls)
        return engine.docker("exec", self.name, *tool, *command).strip()

    def settings(self) -> tuple[str, str]:
        """Docker's options for a service that uses it."""
        return f"--env=CACHE_URL={self.url()}", f"--env=CACHE_PASSWORD={PASSWORD}"

    def url(self, host: str = "127.0.0.1", scheme: str = "redis", port: int = 0, more: str = "") -> str:
        return f"{scheme}://{host}:{port or self.port}{more}"

    def cut(self) -> None:
        """End all connections of others."""
        self.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def keys(self) -> list[str]:
        return self.cli("KEYS", "*").splitlines()


@contextmanager
def server(port: int = 0, tls: Path | None = None, *also: str) -> Iterator[Cache]:
    """Start one, on a port of its own or on this one, `also` at other addresses; its files are made in `tls`."""
    name, port = f"shipshape-test-cache-{uuid.uuid4().hex[:8]}", port or free_port()
    image: str = TEMPLATE.table("pins")["images"]["valkey"].partition("@")[0]
    listen: tuple[str, ...] = ("--port", str(port))
    options: tuple[str, ...] = ()
    client: tuple[str, ...] = ()
    if tls is not None:
        options, client = (f"--volume={tls}:/tls:ro",), ("--tls", "--cacert", "/tls/authority.pem", "-h", "localhost")
        certificates(tls)
        listen = (
            "--port", "0", "--tls-port", str(port), "--tls-auth-clients", "no", "--tls-cert-file", "/tls/localhost.pem",
            "--tls-key-file", "/tls/localhost.key", "--tls-ca-cert-file", "/tls/authority.pem",
        )  # fmt: skip
    engine.docker(
        "run", "--detach", f"--name={name}", "--network=host", "--tmpfs=/data", *options, image,
        "valkey-server", "--bind", "127.0.0.1", *also, "--save", "", "--requirepass", PASSWORD, *listen,
    )  # fmt: skip
    try:
        started = Cache(name, port, client)
        wait(started)
        yield started
    finally:
        engine.docker("unpause", name, check=False)
        engine.docker("rm", "--force", "--volumes", name)


def wait(started: Cache, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(engine.DockerError):
            if started.cli("PING") == "PONG":
                return
        assert time.monotonic() < deadline, engine.docker("logs", started.name)
        time.sleep(0.1)


def certificates(folder: Path) -> None:
    """Make the files of a server for `localhost`, and an authority of the same name that did not sign it."""
    Authority(folder, "authority").server("localhost", folder)
    other = folder / "other"
    other.mkdir()
    Authority(other, "authority")
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)

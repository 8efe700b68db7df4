"""versitygw in the place of S3, whose buckets are folders."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.engine.container import free_port
from tests.support.tools import go_tool

KEY, SECRET = "AKIDEXAMPLE", "secret/of+the+bucket"


@contextmanager
def served(scratch: Path, host: str = "127.0.0.1") -> Iterator[tuple[str, Path]]:
    """Where S3 is, and the folder that holds its buckets; skips without restic, but fails in CI."""
    if not shutil.which("restic"):
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("restic is not there: apt-get install restic")
    with buckets(scratch, host) as found:
        yield found


@contextmanager
def buckets(scratch: Path, host: str, tls: tuple[Path, Path] | None = None) -> Iterator[tuple[str, Path]]:
    """The same without restic; with TLS by a certificate and its key."""
    port = free_port()
    for name in ("data", "attributes"):
        (scratch / name).mkdir()
    secured = ["--cert", str(tls[0]), "--key", str(tls[1])] if tls else []
    command = [go_tool("versitygw"), "--access", KEY, "--secret", SECRET, "--port", f"{host}:{port}", *secured,
               "--quiet", "posix", "--sidecar", str(scratch / "attributes"), str(scratch / "data")]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(300):
                with socket.socket() as probe:
                    if probe.connect_ex((host, port)) == 0:
                        break
                time.sleep(0.1)
            yield f"{'https' if tls else 'http'}://{host}:{port}", scratch / "data"
        finally:
            process.terminate()

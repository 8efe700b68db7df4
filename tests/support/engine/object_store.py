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
    port = free_port()
    for name in ("data", "attributes"):
        (scratch / name).mkdir()
    command = [go_tool("versitygw"), "--access", KEY, "--secret", SECRET, "--port", f"{host}:{port}", "--quiet",
               "posix", "--sidecar", str(scratch / "attributes"), str(scratch / "data")]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex((host, port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://{host}:{port}", scratch / "data"
        process.terminate()

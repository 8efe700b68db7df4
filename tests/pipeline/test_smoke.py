"""A container that is not well says why, however soon it ends.

Report: https://github.com/sockethub/sockethub/pull/1182 (the smoke step aborts before the logs are printed).
"""

import shutil
from pathlib import Path

import pytest

from tests.pipeline.run import Pipeline
from tests.support import engine
from tests.support.render import TEMPLATE, edit_source
from tests.support.run import figures

pytestmark = pytest.mark.engine

BASE = TEMPLATE.table("pins")["images"]["python-3.14"]
PORT = "8000"
SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'http_requests_total{} 1')
http.server.HTTPServer(("", 8000), Handler).serve_forever()
"""
# What the process does, and what must be said of it.
WAYS = {
    "at once, with a reason": ("import sys; sys.exit('no DATABASE_URL')", ["exit code 1", "no DATABASE_URL"]),
    "at once, without an error": ("print('nothing to do')", ["exit code 0", "nothing to do"]),
    "a moment later": ("import time, sys; time.sleep(0.3); sys.exit('too late')", ["exit code 1", "too late"]),
    "out of memory": ("print('grow', flush=True); 'x' * (1 << 30)", ["ran out of memory: it has 64", "grow"]),
    "when it is stopped": (
        "import signal, sys\nsignal.signal(15, lambda *_: sys.exit('not yet saved'))" + SERVER,
        ["stopped with exit code 1", "not yet saved"],
    ),
    "never, and logs no JSON": (
        "import signal, sys\nsignal.signal(15, lambda *_: sys.exit(0))\nprint('hello', flush=True)" + SERVER,
        ["is not JSON", "hello"],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image that runs the program in its label's place: one image, whose command each test gives."""
    context = tmp_path_factory.mktemp("python")
    (context / "Dockerfile").write_text(
        f"FROM {BASE}\nARG PROGRAM\nENV PROGRAM=$PROGRAM\nEXPOSE {PORT}\nUSER 65532:65532\n"
        'CMD ["/usr/local/bin/python3", "-c", "import os; exec(os.environ[\'PROGRAM\'])"]\n'
    )
    return str(context)


@pytest.mark.parametrize("way", WAYS)
def test_the_reason_of_an_end_is_told(pipeline: Pipeline, python: str, way: str) -> None:
    program, said = WAYS[way]
    image = "shipshape-test/ends"
    engine.build(Path(python), f"--tag={image}", f"--build-arg=PROGRAM={program}")
    for attempt in range(6 if way.startswith("at once") else 1):
        result = pipeline.run("scripts/smoke.sh", image, PORT, "64")
        assert result.returncode == 1, f"attempt {attempt}: {result.stdout}{result.stderr}"
        for words in said:
            assert words in result.stderr, f"attempt {attempt}: {result.stderr}"
    assert not engine.docker("ps", "--all", "--quiet", f"--filter=ancestor={image}"), "a container is left behind"


def test_what_can_not_be_started_is_told(pipeline: Pipeline, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text('FROM scratch\nLABEL a=b\nCMD ["/no-such-program"]\n')
    engine.build(tmp_path, "--tag=shipshape-test/no-program")
    result = pipeline.run("scripts/smoke.sh", "shipshape-test/no-program", PORT, "64")
    assert result.returncode == 1
    assert "/no-such-program" in result.stderr
    assert "smoke: does not start" in result.stderr
    assert not engine.docker("ps", "--all", "--quiet", "--filter=ancestor=shipshape-test/no-program")
    result = pipeline.run("scripts/smoke.sh", "shipshape-test/no-such-image:never", PORT, "64")
    assert result.returncode == 1
    assert (
        result.stderr == "smoke: there is no image shipshape-test/no-such-image:never on this machine: build it first\n"
    )


def test_a_service_passes(pipeline: Pipeline, service: str) -> None:
    with figures.timed("pipeline", "smoke"):
        assert "stops as it should" in pipeline.succeed("scripts/smoke.sh", service, PORT, "256")


def test_a_service_that_is_not_ready_is_told(pipeline: Pipeline, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(pipeline.project, tmp_path / "broken"))
    edit_source(broken, '"/readyz"', '"/ready"')
    engine.build(broken, "--tag=shipshape-test/pipeline:broken")
    result = pipeline.run("scripts/smoke.sh", "shipshape-test/pipeline:broken", PORT, "256")
    assert result.returncode == 1
    assert "smoke: not ready; its log:" in result.stderr

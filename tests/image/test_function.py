"""The image for Lambda under AWS's runtime interface emulator: as Lambda starts it, and asked as deploy.sh asks.

As Lambda does it, the service runs as another user than the image's, and `/tmp` is the only place to write.
https://github.com/aws/aws-lambda-runtime-interface-emulator
"""

import json
import re
import subprocess
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from shipshape.template import Answers

from tests.support import engine
from tests.support.aws.cloudformation import load, resolve
from tests.support.run import figures
from tests.support.tools import go_tool

pytestmark = pytest.mark.engine
EXTENSION = "opt/extensions/lambda-adapter"
AS_LAMBDA = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--user=993:990")


@dataclass
class Emulated:
    """A function in the emulator."""

    project: Path
    image: str
    name: str
    address: str

    def invoke(self, event: dict[str, Any]) -> Any:
        path = "/2015-03-31/functions/function/invocations"
        request = Request(self.address + path, json.dumps(event).encode(), {"Content-Type": "application/json"})
        with urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def ask(self, path: str, status: str) -> subprocess.CompletedProcess[str]:
        """What deploy.sh does before a version gets traffic, with an aws command that leads to the emulator."""
        folder = self.project.parent / "bin"
        folder.mkdir(exist_ok=True)
        aws = folder / "aws"
        url = f"{self.address}/2015-03-31/functions/function/invocations"
        aws.write_text(f'#!/bin/sh\nexec curl -sS --data-binary "@${{8#fileb://}}" -o "${{11}}" {url}\n')
        aws.chmod(0o755)
        script = f"""set -euo pipefail; here=deploy/lambda service=orders-api environment=staging version=1
host=orders-api.example.com; say() {{ echo "$*" >&2; }}; source deploy/lambda/versions.sh
answers {path} '{status}'"""
        return subprocess.run(
            ["bash", "-c", script], cwd=self.project, env={"PATH": f"{folder}:/usr/local/bin:/usr/bin:/bin"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip


@contextmanager
def emulate(project: Path, copy: Path, image: str, stack: str, command: list[str]) -> Iterator[Emulated]:
    """Start an image with the environment that a stack gives its function."""
    made = resolve(load(project / f"deploy/lambda/{stack}.yml"), {"Release": "r"})
    (function,) = [one["Properties"] for one in made.values() if one["Type"] == "AWS::Lambda::Function"]
    folder = function["ImageConfig"][
        "WorkingDirectory"
    ]  # "fork/exec /app/service: permission denied" in a home of 0700
    variables = [f"--env={name}={value}" for name, value in function["Environment"]["Variables"].items()]
    name = f"shipshape-test-{uuid.uuid4().hex[:8]}"
    engine.docker(
        "run", "--detach", f"--name={name}", *AS_LAMBDA, *variables, f"--workdir={folder}",
        "--memory=1024m", "--publish=127.0.0.1::9000",
        f"--volume={go_tool('aws-lambda-rie')}:/rie:ro", "--entrypoint=/rie", image,
        "--runtime-interface-emulator-address=0.0.0.0:9000", *command,
    )  # fmt: skip
    try:
        (binding,) = engine.inspect("container", name)["NetworkSettings"]["Ports"]["9000/tcp"]
        yield Emulated(copy, image, name, f"http://127.0.0.1:{binding['HostPort']}")
    finally:
        engine.docker("rm", "--force", "--volumes", name)


@pytest.fixture(scope="module", params=["python", "go"])
def emulated(
    request: pytest.FixtureRequest, rendered: Callable[[Answers], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Emulated]:
    answers = {"language": request.param, "orchestrator": "lambda", "database": "none", "lambda_events": "sqs"}
    project = rendered(answers)
    copy = tmp_path_factory.mktemp(request.param) / "orders-api"
    subprocess.run(["cp", "-r", project, copy], check=True)
    with engine.built(project) as image:
        command = engine.inspect("image", image)["Config"]["Entrypoint"]
        with emulate(project, copy, image, "function", command) as function:
            yield function


def test_its_first_answer_and_those_after_it(emulated: Emulated, request: pytest.FixtureRequest) -> None:
    """The emulator starts the service with the first event: the time from there to the answer is a cold start."""
    label = f"function {re.findall(r'python|go', request.node.name)[-1]}"
    for what in ("cold start", "warm"):
        begin = time.monotonic()
        done = emulated.ask("/healthz", "200")
        assert done.returncode == 0, done.stderr + engine.docker("logs", emulated.name)
        figures.note(label, what, time.monotonic() - begin, "s")
    ready = emulated.ask("/readyz", "200")
    assert ready.returncode == 0, ready.stderr
    refused = emulated.ask("/no-such-page", "200")
    assert refused.returncode == 1
    assert "version 1 answers /no-such-page so, and not by 200" in refused.stderr


def test_the_answer_is_one_of_the_service_s_own(emulated: Emulated) -> None:
    emulated.ask("/healthz", "200")  # which writes the event
    event = json.loads((emulated.project / ".cache/event.json").read_text())
    event["rawPath"] = event["requestContext"]["http"]["path"] = "/no-such-page"
    answer = emulated.invoke(event)
    assert answer["statusCode"] == 404
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    assert headers["content-type"].startswith("application/problem+json")
    assert json.loads(answer["body"])["status"] == 404


def test_the_adapter_lies_in_folders_of_its_image(emulated: Emulated, tmp_path: Path) -> None:
    """Lambda refuses a file whose folder no layer makes; and nothing has the time of the build.

    https://github.com/aws/aws-lambda-web-adapter/issues/236
    """
    archive = tmp_path / "image.tar"
    engine.docker("save", f"--output={archive}", emulated.image)
    seen: set[str] = set()
    with tarfile.open(archive) as image:
        manifest = json.loads(image.extractfile("manifest.json").read())  # type: ignore[union-attr]
        for layer in manifest[0]["Layers"]:
            with tarfile.open(fileobj=image.extractfile(layer)) as files:
                for entry in files:
                    if entry.name.rstrip("/") == EXTENSION:
                        assert {"opt", "opt/extensions"} <= seen
                        assert entry.mode & 0o777 == 0o755, "whoever Lambda starts it as"
                        assert entry.mtime == 0
                    seen.add(entry.name.rstrip("/"))
    assert EXTENSION in seen


def test_outside_of_lambda_nobody_starts_the_adapter(emulated: Emulated) -> None:
    name = f"shipshape-test-{uuid.uuid4().hex[:8]}"
    engine.docker("run", "--detach", f"--name={name}", "--read-only", "--tmpfs=/tmp", emulated.image)
    try:
        top = engine.docker("top", name, "-eo", "pid,args")
        assert "lambda-adapter" not in top
    finally:
        engine.docker("rm", "--force", "--volumes", name)
    emulated.ask("/healthz", "200")  # with the first event, the emulator starts what Lambda does
    assert "lambda-adapter" in engine.docker("top", emulated.name, "-eo", "pid,args")


# Takes messages as deploy/README.md says: names those that fail.
TAKES = """
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, content):
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.answer({})
    def do_POST(self):
        records = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["Records"]
        failed = [{"itemIdentifier": one["messageId"]} for one in records if one["body"] == "bad"]
        self.answer({"batchItemFailures": failed, "path": self.path})
http.server.ThreadingHTTPServer(("127.0.0.1", 8000), Handler).serve_forever()
"""
BATCH = {
    "Records": [
        {"messageId": number, "body": body, "eventSource": "aws:sqs", "attributes": {}, "messageAttributes": {}}
        for number, body in (("1", "good"), ("2", "bad"))
    ]
}


def test_a_batch_that_the_service_does_not_take_has_failed(emulated: Emulated) -> None:
    """The starter has no `/events`: an answer of 404, handed on, would be none that names a failure, and delete all."""
    command = engine.inspect("image", emulated.image)["Config"]["Entrypoint"]
    with emulate(emulated.project, emulated.project, emulated.image, "events", command) as function:
        answer = function.invoke(BATCH)
    assert "errorType" in answer, answer
    assert "404" in answer["errorMessage"]
    assert "errorType" not in emulated.invoke(BATCH), "what a function for requests would have made of it"


def test_messages_that_fail_are_named_to_lambda(emulated: Emulated) -> None:
    if "python" not in engine.inspect("image", emulated.image)["Config"]["Entrypoint"]:
        return  # the other image has no interpreter
    command = ["python", "-c", TAKES]
    with emulate(emulated.project, emulated.project, emulated.image, "events", command) as function:
        answer = function.invoke(BATCH)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "2"}], "path": "/events"}

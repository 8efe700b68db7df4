"""The SBOM: small enough for the public transparency log, and whole for whoever looks for packages.

The log refuses what is too long (an SBOM of 3.5 MB with one entry for each file):
https://github.com/sigstore/cosign/issues/3599, https://github.com/ublue-os/bluefin/issues/4272.
"""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from shipshape.template import Answers

from tests.pipeline.run import Pipeline, claims
from tests.support import engine
from tests.support.render import one_per
from tests.support.run import figures
from tests.support.sigstore import Sigstore

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("tools")]

LANGUAGES = {answers["language"]: answers for answers in one_per("language")}
LIMIT = 1_000_000


class Log:
    """Stands for Rekor as the public instance is asked today, its first version: it measures, and refuses."""

    address: str
    posted: list[int]


@pytest.fixture(scope="module")
def log() -> Iterator[Log]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            self.rfile.read(size)
            assert self.path == "/api/v1/log/entries"
            front.posted.append(size)
            body = json.dumps({"code": 400, "message": "measured"}).encode()
            self.send_response(400)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: the test has `posted`."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        front = Log()
        front.address, front.posted = f"http://127.0.0.1:{server.server_port}", []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield front
        server.shutdown()


@pytest.fixture(scope="module")
def archived(
    pipeline: Pipeline, rendered: Callable[[Answers], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """The SBOM of a language's service, beside its archive."""
    made: dict[str, Path] = {}

    def make(language: str) -> Path:
        if language not in made:
            name, folder = f"shipshape-test/sbom:{language}", tmp_path_factory.mktemp(language)
            engine.build(rendered(LANGUAGES[language]), f"--tag={name}")
            pipeline.succeed("scripts/archive.sh", name, "amd64", folder)
            made[language] = folder / "amd64.spdx.json"
        return made[language]

    return make


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_posted_to_the_log_is_small(
    pipeline: Pipeline, keyless: Sigstore, log: Log, archived: Callable[[str], Path], language: str
) -> None:
    sbom = archived(language)
    image = pipeline.publish(f"sha-{language}", sbom.with_name("amd64.tar"))
    settings = keyless.environment(**claims())
    settings["COSIGN_SIGNING_CONFIG"] = str(keyless.config(log.address, version=1))
    log.posted.clear()
    result = pipeline.run("scripts/attest.sh", image, "sbom", sbom, **settings)
    assert result.returncode != 0
    assert log.posted, result.stderr
    figures.note("pipeline", f"SBOM of {language}, posted", log.posted[0] / 1000, "kB")
    assert sbom.stat().st_size < log.posted[0] < LIMIT


def test_nothing_is_lost_but_single_files(pipeline: Pipeline, archived: Callable[[str], Path]) -> None:
    """Packages, their identifiers, licences and checksums, and what depends on what: as with all files listed."""
    sbom = archived("python")
    whole = sbom.with_name("whole.json")
    archive = f"docker-archive:{sbom.with_name('amd64.tar')}"
    pipeline.succeed("syft", "scan", "--quiet", archive, f"--output=spdx-json={whole}")
    short, long = (content(path) for path in (sbom, whole))
    assert len(long["files"]) > 1000
    assert len(short["packages"]) > 50
    # But for the checksum of all its files, which is made of theirs.
    ignored = {"packageVerificationCode", "filesAnalyzed"}

    def packages(document: dict[str, Any]) -> list[dict[str, Any]]:
        return [{k: v for k, v in package.items() if k not in ignored} for package in document["packages"]]

    def between(document: dict[str, Any], ids: set[str]) -> list[dict[str, Any]]:
        return [one for one in document["relationships"] if {one["spdxElementId"], one["relatedSpdxElement"]} <= ids]

    assert packages(short) == packages(long)
    ids = {package["SPDXID"] for package in short["packages"]} | {"SPDXRef-DOCUMENT"}
    assert between(short, ids) == between(long, ids)
    assert "files" not in short
    assert {one[side] for one in short["relationships"] for side in ("spdxElementId", "relatedSpdxElement")} <= ids


def test_the_sbom_names_what_is_inside(pipeline: Pipeline, archived: Callable[[str], Path]) -> None:
    packages = {(p["name"], p.get("versionInfo")) for p in content(archived("python"))["packages"]}
    lock = (pipeline.project / "pyproject.toml").read_text()
    for name, version in [("fastapi", "0.165.0"), ("asyncpg", "0.32.0"), ("uvicorn", "0.54.0")]:
        assert f"{name}=={version}" in lock
        assert (name, version) in packages
    assert not {name for name, _ in packages} & {"pytest", "ruff", "mypy"}, "tools of the tests are in the image"


def content(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    return document

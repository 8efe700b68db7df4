"""The build takes in what it needs and no more, and builds again what has changed and no more."""

import re
import shutil
import uuid
from pathlib import Path

import pytest

from tests.image.conftest import Service
from tests.support import engine
from tests.support.expectations import expected
from tests.support.render import ORDERS, edit_source
from tests.support.run import figures

pytestmark = pytest.mark.engine

# What lies about in a working copy and must get into no build.
JUNK = [
    ".env",
    ".env.production",
    ".git/config",
    ".secrets/database_password",
    ".npmrc",
    ".ssh/id_ed25519",
    "id_rsa",
    "server.key",
    "certificate.pem",
    "backup.sql",
    "node_modules/left-pad/index.js",
    "target/debug/service",
    "dist/old.js",
    "__pycache__/x.pyc",
    "compose.override.yml",
    "terraform.tfstate",
]
# The same, in a folder that the build does take in.
NESTED = [".env", ".secrets/token"]


@pytest.fixture
def working_copy(service: Service, tmp_path: Path) -> Path:
    return Path(shutil.copytree(service.project, tmp_path / "copy"))


def context(project: Path, tmp_path: Path) -> set[str]:
    """The files that a build is sent: what `COPY .` puts into an image of nothing else."""
    (tmp_path / "list.Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    out = tmp_path / "out"
    shutil.copy(project / ".dockerignore", tmp_path / "list.Dockerfile.dockerignore")
    engine.build(project, f"--file={tmp_path / 'list.Dockerfile'}", f"--output=type=local,dest={out}")
    return {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}


def test_the_context_is_an_allow_list(service: Service, working_copy: Path, tmp_path: Path) -> None:
    clean = context(working_copy, tmp_path)
    assert clean, "nothing at all would be built"
    folders = {Path(path).parts[0] for path in clean if "/" in path}
    nested = NESTED + expected("language", service.language)["scratch"]
    for name in JUNK + [f"{folder}/{name}" for folder in folders for name in nested]:
        (working_copy / name).parent.mkdir(parents=True, exist_ok=True)
        (working_copy / name).write_text("not for the image\n")
    shutil.rmtree(tmp_path / "out")
    assert context(working_copy, tmp_path) == clean
    lines = (working_copy / ".dockerignore").read_text().splitlines()
    assert next(line for line in lines if line and not line.startswith("#")) == "*"


def steps(log: str) -> dict[str, bool]:
    """The Dockerfile's steps, by their text, and whether each came from the cache.

    A step that another build has under way is listed twice: with that build's work, and as taken from the cache.
    """
    names = dict(re.findall(r"^(#\d+) \[(.+)$", log, re.MULTILINE))
    cached = {names.get(number) for number in re.findall(r"^(#\d+) CACHED", log, re.MULTILINE)}
    return {text: text in cached for text in names.values() if not text.startswith("internal")}


def test_a_changed_line_does_not_install_the_dependencies_again(service: Service, working_copy: Path) -> None:
    engine.build(working_copy)
    edit_source(working_copy, "an item of this name", f"an item called {uuid.uuid4()}")  # never built before
    with figures.timed(service.label, "rebuild"):
        log = engine.build(working_copy)
    done = steps(log)
    again = [text for text, cached in done.items() if not cached and "FROM" not in text]
    assert again, "the change was not built at all"
    assert not [text for text in again if text.startswith("deps ")], again
    assert [text for text, cached in done.items() if cached and "deps " in text], done


def test_a_new_version_number_builds_nothing_again(service: Service, working_copy: Path) -> None:
    engine.build(working_copy, "--build-arg=VERSION=1.0.0")
    log = engine.build(working_copy, "--build-arg=VERSION=1.0.1")
    assert [text for text, cached in steps(log).items() if not cached and "FROM" not in text] == []


def test_the_image_says_where_it_comes_from(service: Service) -> None:
    labels = engine.inspect("image", service.image)["Config"]["Labels"]
    assert labels["org.opencontainers.image.source"] == f"https://github.com/{ORDERS['repository']}"
    assert labels["org.opencontainers.image.title"] == "orders-api"


def test_the_image_holds_no_secret_and_no_tool_of_the_build(service: Service) -> None:
    history = engine.docker("history", "--no-trunc", "--format={{.CreatedBy}}", service.image)
    assert "PASSWORD" not in history.upper()
    environment = engine.inspect("image", service.image)["Config"]["Env"]
    assert not [entry for entry in environment if re.match(r".*(PASSWORD|SECRET|TOKEN|KEY)", entry)]

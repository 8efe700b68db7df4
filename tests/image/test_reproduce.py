"""One commit becomes one image, whoever builds it, where and when: no time, mode or cache of a machine gets in.

`make reproduce`, as somebody runs it who doubts a published image: by the BuildKit that the Makefile pins.

Tried because it broke for others: layers from a cache keep the time of their first build (moby/buildkit#4748),
WORKDIR's folder has a time (moby/buildkit#5960), bytecode depends on which process compiled what before
(python/cpython#129724, astral-sh/uv#10619), a JVM's archive differs from run to run (openjdk/jdk#7748), and `COPY`
keeps the modes of a checkout under umask 077 (Netflix/security_monkey#959).
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.image.conftest import label_of
from tests.support import engine
from tests.support.engine.buildkit import REGISTRY, builder
from tests.support.paths import CACHE
from tests.support.render import ORDERS, commit, git, one_per, render
from tests.support.run import figures
from tests.support.tools import go_tool

pytestmark = pytest.mark.engine


@dataclass
class Published:
    """A repository whose commit became an image in a registry."""

    project: Path
    image: str
    environment: dict[str, str]
    proof: Path = Path()  # has its digest, once an image of the very same inputs was built again

    @property
    def repository(self) -> str:
        return self.image.partition("@")[0]

    def make(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", "--no-print-directory", *arguments], cwd=self.project, env=self.environment,
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def pull(self) -> Path:
        """The archive of all its files, as a container has them."""
        archive = self.project.parent / "files.tar"
        self.crane("export", self.image, str(archive))
        return archive

    def crane(self, *arguments: str) -> str:
        return subprocess.run([go_tool("crane"), *arguments], check=True, capture_output=True, text=True).stdout.strip()


LANGUAGES = one_per("language")


@pytest.fixture(scope="module")
def published(
    request: pytest.FixtureRequest, plain_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Published]:
    """An image that somebody else has built, and a builder that has built nothing before."""
    answers: Answers = request.param
    scratch = tmp_path_factory.mktemp("reproduce")
    project = render(plain_template, scratch / "orders-api", **ORDERS, **answers)
    with publishing(project, label_of(answers)) as made:
        yield made


@pytest.fixture(scope="module")
def small(plain_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    """The same for an image of one file, where the question is what the script says and not what a language does."""
    project = render(plain_template, tmp_path_factory.mktemp("small") / "orders-api", **ORDERS, language="go")
    dockerfile = project / "Dockerfile"
    runtime = re.findall(r"^FROM \S+ AS runtime$", dockerfile.read_text(), re.MULTILINE)
    dockerfile.write_text("\n".join([*runtime, "COPY go.mod /app/", "ARG VERSION=dev", "ENV VERSION=$VERSION", ""]))
    with publishing(project, "small") as made:
        yield made


@contextmanager
def publishing(project: Path, label: str) -> Iterator[Published]:
    scratch = project.parent
    leave_inputs(project)
    commit(project, "first", date=datetime(2026, 1, 5, 8, tzinfo=UTC))
    with builder(scratch, project) as name:
        environment = engine.environment() | {
            "BUILDX_BUILDER": name,
            "PATH": os.pathsep.join([str(Path(go_tool("crane")).parent), os.environ["PATH"]]),
        }
        made = Published(project, "", environment)
        archive = theirs(made, scratch, label)
        made.proof = archive.with_suffix(".reproduced")
        repository = f"{REGISTRY}/test/{scratch.name}-{os.getpid()}"
        made.image = made.crane("push", str(archive), f"{repository}:sha-first")
        yield made


def leave_inputs(project: Path) -> None:
    """Leave what the image comes from and what builds it: so a change of other files makes no other commit."""
    allowed = re.findall(r"^!/?([^/\n]+)", (project / ".dockerignore").read_text(), re.MULTILINE)
    kept = {"Dockerfile", ".dockerignore", ".gitattributes", ".gitignore", "Makefile", "scripts", *allowed}
    for path in project.iterdir():
        if path.name not in kept:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def theirs(made: Published, scratch: Path, label: str) -> Path:
    """The archive of the image as they built it, from a checkout that only they can read, perhaps in an earlier run.

    Kept by all that may be in it: the commit, which has the same id in each run, and the images that it is built from.
    """
    bases = re.findall(r"(?:^FROM |--from=)(\S+)@sha256", (made.project / "Dockerfile").read_text(), re.MULTILINE)
    used = [git(made.project, "rev-parse", "HEAD"), *(engine.inspect("image", base)["Id"] for base in bases)]
    folder = CACHE / "published" / label
    archive = folder / f"{hashlib.sha256(''.join(used).encode()).hexdigest()}.tar"
    if archive.exists():
        return archive
    subprocess.run(["git", "clone", "--quiet", made.project, scratch / "theirs"], check=True, umask=0o077)
    with figures.timed(label, "image without a cache, in a container"):
        built = Published(scratch / "theirs", "", made.environment).make("image", f"ARCHIVE={scratch / 'image.tar'}")
    assert built.returncode == 0, built.stdout + built.stderr
    assert made.crane("digest", "--tarball", str(scratch / "image.tar")) == built.stdout.split()[-1]
    shutil.rmtree(folder, ignore_errors=True)  # an older one's
    folder.mkdir(parents=True)
    shutil.move(scratch / "image.tar", archive.with_suffix(".new"))
    return archive.with_suffix(".new").rename(archive)


@pytest.mark.parametrize("published", LANGUAGES, indirect=True, ids=label_of)
def test_a_published_image_is_built_again_to_the_same_digest(published: Published) -> None:
    """And whoever starts it can read its files, whatever the modes of the checkout that it was built from.

    What was built again on this machine, of the same commit and images, is not built a third time: it takes up to eight
    minutes, and has no other input.
    """
    assert unreadable(published) == []
    digest = published.image.rpartition("@")[2]
    if not published.proof.exists():
        again = published.make("reproduce", f"IMAGE={published.image}")
        assert again.returncode == 0, again.stdout + again.stderr
        assert "the same digest" in again.stdout
        published.proof.write_text(digest)
    assert published.proof.read_text() == digest


def unreadable(published: Published) -> list[str]:
    """The files of the service that only their owner can read, who is root."""
    names = []
    with tarfile.open(published.pull()) as files:
        for entry in files:
            if entry.name.lstrip("/").startswith(("app", "opt")) and entry.mode & 0o444 != 0o444:
                names.append(entry.name)
        assert "app" in {name.lstrip("/").partition("/")[0] for name in files.getnames()}
    return names


def test_the_times_are_those_of_the_commit(small: Published) -> None:
    config = small.crane("config", small.image)
    time = int(git(small.project, "log", "-1", "--format=%ct"))
    created = datetime.fromisoformat(json.loads(config)["created"])
    assert created == datetime.fromtimestamp(time, UTC)


def test_what_slipped_in_is_named(small: Published, tmp_path: Path) -> None:
    """An image that claims the commit, but has a layer more and another setting."""
    (tmp_path / "miner").write_text("not of this commit\n")
    with tarfile.open(tmp_path / "layer.tar", "w") as layer:
        layer.add(tmp_path / "miner", "usr/bin/miner")
    other = f"{small.repository}:other"
    small.crane("append", f"--base={small.image}", f"--new_layer={tmp_path / 'layer.tar'}", f"--new_tag={other}")
    small.crane("mutate", other, "--env=LD_PRELOAD=/usr/bin/miner.so", f"--tag={other}")
    answer = small.make("reproduce", f"IMAGE={small.repository}@{small.crane('digest', other)}")
    assert answer.returncode != 0
    assert re.search("^reproduce: .* is not what .* becomes here", answer.stderr, re.MULTILINE)
    assert re.search(r"^< .*usr/bin/miner$", answer.stderr, re.MULTILINE), answer.stderr
    assert "LD_PRELOAD" in answer.stderr


def test_it_refuses_what_it_can_not_compare(small: Published) -> None:
    assert "Usage: scripts/reproduce.sh REPOSITORY@DIGEST" in small.make("reproduce").stderr
    unknown = f"{small.repository}:unknown"
    label = f"org.opencontainers.image.revision={'0' * 40}"
    small.crane("mutate", small.image, f"--label={label}", f"--tag={unknown}")
    answer = small.make("reproduce", f"IMAGE={small.repository}@{small.crane('digest', unknown)}")
    assert "is not in the history that is checked out" in answer.stderr
    (small.project / "main.go").write_text("not committed\n")
    try:
        assert "commit first" in small.make("image").stderr
    finally:
        (small.project / "main.go").unlink()

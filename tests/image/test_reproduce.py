"""One commit becomes one image, whoever builds it, where and when: no time, mode or cache of a machine gets in.

`make reproduce`, as somebody runs it who doubts a published image: by the BuildKit that the Makefile pins.

Tried because it broke for others: layers from a cache keep the time of their first build (moby/buildkit#4748),
WORKDIR's folder has a time (moby/buildkit#5960), bytecode depends on which process compiled what before
(python/cpython#129724, astral-sh/uv#10619), a JVM's archive differs from run to run (openjdk/jdk#7748), and `COPY`
keeps the modes of a checkout under umask 077 (Netflix/security_monkey#959).
"""

import json
import os
import re
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.image.conftest import label_of
from tests.support import engine
from tests.support.engine.buildkit import REGISTRY, builder
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
    """Built by somebody whose checkout only they can read, by a BuildKit that has built nothing before."""
    answers: Answers = request.param
    scratch = tmp_path_factory.mktemp("reproduce")
    project = render(plain_template, scratch / "orders-api", **ORDERS, **answers)
    commit(project, "first")
    theirs = scratch / "theirs"
    subprocess.run(["git", "clone", "--quiet", project, theirs], check=True, umask=0o077)
    with builder(scratch, project) as name:
        environment = engine.environment() | {
            "BUILDX_BUILDER": name,
            "PATH": os.pathsep.join([str(Path(go_tool("crane")).parent), os.environ["PATH"]]),
        }
        with figures.timed(label_of(answers), "image without a cache, in a container"):
            built = Published(theirs, "", environment).make("image", f"ARCHIVE={scratch / 'image.tar'}")
        assert built.returncode == 0, built.stdout + built.stderr
        made = Published(project, "", environment)
        repository = f"{REGISTRY}/test/{scratch.name}-{os.getpid()}"
        made.image = made.crane("push", str(scratch / "image.tar"), f"{repository}:sha-first")
        assert made.image.rpartition("@")[2] == built.stdout.split()[-1]
        yield made


with_go = pytest.mark.parametrize(
    "published", [answers for answers in LANGUAGES if answers["language"] == "go"], indirect=True, ids=label_of
)


@pytest.mark.parametrize("published", LANGUAGES, indirect=True, ids=label_of)
def test_a_published_image_is_built_again_to_the_same_digest(published: Published) -> None:
    """And whoever starts it can read its files, whatever the modes of the checkout that it was built from."""
    again = published.make("reproduce", f"IMAGE={published.image}")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "the same digest" in again.stdout
    assert unreadable(published) == []


def unreadable(published: Published) -> list[str]:
    """The files of the service that only their owner can read, who is root."""
    names = []
    with tarfile.open(published.pull()) as files:
        for entry in files:
            if entry.name.lstrip("/").startswith(("app", "opt")) and entry.mode & 0o444 != 0o444:
                names.append(entry.name)
        assert "app" in {name.lstrip("/").partition("/")[0] for name in files.getnames()}
    return names


@with_go
def test_the_times_are_those_of_the_commit(published: Published) -> None:
    config = published.crane("config", published.image)
    time = int(git(published.project, "log", "-1", "--format=%ct"))
    created = datetime.fromisoformat(json.loads(config)["created"])
    assert created == datetime.fromtimestamp(time, UTC)


@with_go
def test_what_slipped_in_is_named(published: Published, tmp_path: Path) -> None:
    """An image that claims the commit, but has a layer more and another setting."""
    (tmp_path / "miner").write_text("not of this commit\n")
    with tarfile.open(tmp_path / "layer.tar", "w") as layer:
        layer.add(tmp_path / "miner", "usr/bin/miner")
    other = f"{published.repository}:other"
    published.crane(
        "append", f"--base={published.image}", f"--new_layer={tmp_path / 'layer.tar'}", f"--new_tag={other}"
    )
    published.crane("mutate", other, "--env=LD_PRELOAD=/usr/bin/miner.so", f"--tag={other}")
    answer = published.make("reproduce", f"IMAGE={published.repository}@{published.crane('digest', other)}")
    assert answer.returncode != 0
    assert re.search("^reproduce: .* is not what .* becomes here", answer.stderr, re.MULTILINE)
    assert re.search(r"^< .*usr/bin/miner$", answer.stderr, re.MULTILINE), answer.stderr
    assert "LD_PRELOAD" in answer.stderr


@with_go
def test_it_refuses_what_it_can_not_compare(published: Published) -> None:
    assert "Usage: scripts/reproduce.sh REPOSITORY@DIGEST" in published.make("reproduce").stderr
    unknown = f"{published.repository}:unknown"
    label = f"org.opencontainers.image.revision={'0' * 40}"
    published.crane("mutate", published.image, f"--label={label}", f"--tag={unknown}")
    answer = published.make("reproduce", f"IMAGE={published.repository}@{published.crane('digest', unknown)}")
    assert "is not in the history that is checked out" in answer.stderr
    (published.project / "main.go").write_text("not committed\n")
    try:
        assert "commit first" in published.make("image").stderr
    finally:
        (published.project / "main.go").unlink()

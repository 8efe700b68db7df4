"""One commit becomes one image, whoever builds it, where and when: no time, mode or cache of a machine gets in.

Tried because it broke for others: layers from a cache keep the time of their first build (moby/buildkit#4748),
WORKDIR's folder has a time (moby/buildkit#5960), bytecode depends on which process compiled what before
(python/cpython#129724, astral-sh/uv#10619), a JVM's archive differs from run to run (openjdk/jdk#7748), and `COPY`
keeps the modes of a checkout under umask 077 (Netflix/security_monkey#959).
"""

import hashlib
import subprocess
import tarfile
import uuid
from pathlib import Path
from typing import Any

import pytest
from shipshape.template import Answers

from tests.image.conftest import label_of
from tests.support import engine
from tests.support.engine.container import running
from tests.support.render import ORDERS, TEMPLATE, commit, one_per, render
from tests.support.run import figures

pytestmark = pytest.mark.engine


def clone(project: Path, folder: Path, umask: int) -> Path:
    """A checkout as somebody else has it: in another folder, with other modes, checked out at another time."""
    subprocess.run(["git", "clone", "--quiet", project, folder], check=True, umask=umask)
    return folder


def image_of(checkout: Path, name: str, *options: str) -> dict[str, Any]:
    engine.build(checkout, f"--tag={name}", "--build-arg=VERSION=1.2.3", *options)
    return engine.inspect("image", name)


def files(image: str, scratch: Path) -> dict[str, tuple[str, str, str, str]]:
    """Each file that a build adds to its base: its mode, owner, time and content."""
    name = f"shipshape-test-{uuid.uuid4().hex[:8]}"
    engine.docker("create", f"--name={name}", image)
    try:
        engine.docker("export", f"--output={scratch}", name)
    finally:
        engine.docker("rm", name)
    found = {}
    with tarfile.open(scratch) as archive:
        for entry in archive:
            if not entry.name.startswith(("app", "opt")):
                continue
            content = archive.extractfile(entry) if entry.isreg() else None
            digest = hashlib.sha256(content.read()).hexdigest() if content else entry.linkname
            found[entry.name] = (oct(entry.mode), f"{entry.uid}:{entry.gid}", str(entry.mtime), digest)
    return found


# Two builds of Rust take longer than all the others together, and have not been seen to the end: docs/unproven.md.
SHOWN = [answers for answers in one_per("language") if answers["language"] != "rust"]


@pytest.mark.parametrize("answers", SHOWN, ids=label_of)
def test_the_same_commit_becomes_the_same_layers(answers: Answers, plain_template: Path, tmp_path: Path) -> None:
    """From the cache of builds before, and from nothing under another umask: the same bytes, and all can read them."""
    label = label_of(answers)
    project = render(plain_template, tmp_path / "orders-api", **ORDERS, **answers)
    commit(project, "first")
    names = [f"shipshape-test/{label}:{kind}" for kind in ("cached", "fresh")]
    cached = image_of(clone(project, tmp_path / "a", umask=0o022), names[0])
    with figures.timed(label, "build without a cache"):
        fresh = image_of(clone(project, tmp_path / "elsewhere" / "b", umask=0o077), names[1], "--no-cache")
    left, right = (files(name, tmp_path / "files.tar") for name in names)
    assert {name: (left.get(name), right.get(name)) for name in left | right if left.get(name) != right.get(name)} == {}
    assert fresh["RootFS"]["Layers"] == cached["RootFS"]["Layers"]
    assert fresh["Config"] == cached["Config"]
    unreadable = [name for name, (mode, *_) in right.items() if int(mode, 8) & 0o444 != 0o444]
    assert unreadable == [], "the service itself is not root"
    with running(names[1], memory=TEMPLATE.table("languages")[answers["language"]]["memory"]["limit"]) as container:
        container.wait_until_it_answers()
        container.wait_for_health("healthy")

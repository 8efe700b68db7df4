"""The archive of Java's classes is the same bytes on a small and slow machine.

It is a layer of an image that `make reproduce` compares, so the steps of the Dockerfile are run again with less memory
and less of a processor. Each of these made another archive once: a collection of garbage, which a heap by the machine's
memory needs on a small one, loads classes that tell of it, and leaves other hashes of objects; the size of the heap
itself, in the header; Tomcat's housekeeping, in a start of more than ten seconds.
"""

import json
import re
from pathlib import Path

import pytest

from tests.image.conftest import Service
from tests.support import engine

pytestmark = [pytest.mark.engine, pytest.mark.own_archive]
SMALL = ("--memory=700m", "--cpus=0.15")


def step(project: Path, stage: str) -> str:
    """The one RUN of a stage, without its options and its lines' ends."""
    text = (project / "Dockerfile").read_text()
    found = re.search(rf"^FROM \S+ AS {stage}\n(?:.*\n)*?RUN (?:--\S+ |\\\n *)*((?:.*\\\n)*.*)", text, re.MULTILINE)
    assert found, f"the Dockerfile has no step {stage}"
    return re.sub(r"\\\n\s*", " ", found[1])


def test_the_same_classes_are_found_on_a_small_machine(service: Service) -> None:
    image = f"{service.image}-classes"
    engine.build(service.project, "--target=classes", f"--tag={image}")
    before = "cp /classes /before"
    again = engine.docker(
        "run", "--rm", "--network=none", *SMALL, "--entrypoint=sh", image,
        "-c", f"{before} && {{ {step(service.project, 'classes')}; }} >&2 && diff /before /classes && wc -l < /classes",
    )  # fmt: skip
    assert int(again) > 5000


def test_the_archive_is_the_same_on_a_small_machine(service: Service, tmp_path: Path) -> None:
    image = f"{service.image}-archive"
    engine.build(service.project, "--target=archive", f"--tag={image}")
    program, *arguments = json.loads(step(service.project, "archive"))
    made = [re.sub("(SharedArchiveFile=).*", r"\1/made/app.jsa", argument) for argument in arguments]
    tmp_path.chmod(0o777)
    engine.docker(
        "run", "--rm", "--memory=700m", f"--volume={tmp_path}:/made", f"--entrypoint={program}", image, *made
    )  # fmt: skip
    name = engine.docker("create", image, "none").strip()
    try:
        engine.docker("cp", f"{name}:/tmp/app.jsa", str(tmp_path / "built.jsa"))
    finally:
        engine.docker("rm", name)
    assert (tmp_path / "app.jsa").read_bytes() == (tmp_path / "built.jsa").read_bytes(), "another archive"

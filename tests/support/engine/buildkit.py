"""A builder in a container, of the very version of BuildKit that a rendered Makefile pins, as the pipeline has it."""

import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import engine
from tests.support.golang import compiling
from tests.support.paths import ENGINE
from tests.support.render import TEMPLATE
from tests.support.tools import run

REGISTRY = "127.0.0.1:5000"  # the stand-ins' own
# What a builder in a container needs beside BuildKit itself: a runc, and what that one is linked against.
STAND_IN = """FROM standin/debian:trixie
COPY buildkitd buildctl buildkit-runc /usr/bin/
COPY libseccomp.so.2 /usr/lib/x86_64-linux-gnu/
ENTRYPOINT ["buildkitd"]
"""


@contextmanager
def builder(scratch: Path, project: Path) -> Iterator[str]:
    """Yields the name that buildx knows it by; it can build `project`."""
    image: str = TEMPLATE.table("pins")["images"]["buildkit"]
    options: list[str] = []
    if ENGINE.exists():
        image = stand_in(image.partition("@")[0], scratch / "buildkit")
        options = [f"--buildkitd-config={mirrors(project, scratch)}", "--driver-opt=network=host"]
    name = f"shipshape-test-{uuid.uuid4().hex[:8]}"
    engine.docker(
        "buildx", "create", f"--name={name}", "--driver=docker-container", f"--driver-opt=image={image}", *options
    )
    try:
        yield name
    finally:
        engine.docker("buildx", "rm", name)


def stand_in(image: str, context: Path) -> str:
    """The same version as `image`, built from its Go module, under the name of the public image."""
    if image in engine.docker("images", "--format={{.Repository}}:{{.Tag}}").split():
        return image
    context.mkdir()
    # In a module of this test's: `go install` refuses a module that excludes versions.
    go = compiling("-mod=mod")
    run(["go", "mod", "init", "stand-in"], cwd=context)
    run(["go", "get", f"github.com/moby/buildkit@{image.rpartition(':')[2]}"], cwd=context, env=go)
    for name in ("buildctl", "buildkitd"):
        run(["go", "build", "-o", name, f"github.com/moby/buildkit/cmd/{name}"], cwd=context, env=go)
    shutil.copy("/usr/sbin/runc", context / "buildkit-runc")
    shutil.copy("/usr/lib/x86_64-linux-gnu/libseccomp.so.2", context)
    (context / "Dockerfile").write_text(STAND_IN)
    engine.build(context, f"--tag={image}")
    return image


def mirrors(project: Path, scratch: Path) -> Path:
    """Settings of BuildKit to fetch the Dockerfile's images from this machine's registry, where they are pushed."""
    hosts = set()
    for image in re.findall(r"(?:^FROM |--from=)(\S+)@sha256", (project / "Dockerfile").read_text(), re.MULTILINE):
        host, slash, path = image.partition("/")
        if not slash:
            host, path = "docker.io", f"library/{image}"
        elif "." not in host:
            host, path = "docker.io", image
        hosts.add(host)
        pushed = f"{REGISTRY}/{path}"
        engine.docker("tag", image, pushed)
        engine.docker("push", "--quiet", pushed)
    settings = [f'[registry."{host}"]\n  mirrors = ["{REGISTRY}"]\n' for host in sorted(hosts)]
    file = scratch / "buildkitd.toml"
    file.write_text("".join([*settings, f'[registry."{REGISTRY}"]\n  http = true\n']))
    return file

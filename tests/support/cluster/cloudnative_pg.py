"""CloudNativePG itself in the cluster: its operator, built from its Go module and installed by its release's manifest.

Its image and PostgreSQL's stand under the public names in the registry that all names lead to here. Its plugin for
backups is barman_cloud's.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import engine
from tests.support.cluster import REGISTRY, kubectl, wait_until
from tests.support.cluster.schemas import DEFINITIONS, module
from tests.support.golang import compiling
from tests.support.paths import CACHE
from tests.support.render import TEMPLATE

NAME, PLUGIN = (next(name for name in DEFINITIONS if part in name) for part in ("cloudnative-pg@", "barman-cloud@"))
VERSION = NAME.rpartition("@v")[2]
IMAGE = f"ghcr.io/cloudnative-pg/cloudnative-pg:{VERSION}"  # as the release's manifest has it
BUILT = CACHE / "cloudnative-pg" / VERSION
POSTGRES: str = TEMPLATE.table("pins")["images"]["cloudnative-pg-postgres"]
# As its own Dockerfile has it: an instance's pod takes the program from `operator/`.
OPERATOR = """\
FROM {base}
WORKDIR /
COPY . /
USER 65532:65532
ENTRYPOINT ["/manager"]
"""
# Its image of PostgreSQL is the one of docker-library with another number for the user, whom a pod runs as.
OPERAND = """\
FROM {base}
RUN usermod --uid 26 postgres
USER 26
"""


def manager() -> Path:
    """The operator's program, built where it is missing, which takes minutes. Needs Go."""
    path = BUILT / "manager"
    if not path.exists():
        fresh = BUILT / str(os.getpid())  # beside another process that builds the same
        command = ["go", "build", "-ldflags=-s -w", f"-o={fresh}", "./cmd/manager"]
        subprocess.run(command, cwd=module(NAME), env=compiling("-mod=readonly"), check=True)
        fresh.rename(path)
    return path


def push_operator(scratch: Path) -> str:
    """Answers its name by digest."""
    base = TEMPLATE.table("pins")["images"]["distroless-static"].partition("@")[0]
    program = scratch / "operator/manager_amd64"
    program.parent.mkdir()
    shutil.copy(manager(), program)
    (scratch / "manager").symlink_to("operator/manager_amd64")
    (scratch / "Dockerfile").write_text(OPERATOR.format(base=base))
    with engine.built(scratch) as image:
        return f"{IMAGE}@{push(image, IMAGE.partition('/')[2])}"


def push_postgres(scratch: Path, *instructions: str) -> str:
    """Answers its name by digest, for the place of the pinned one; instructions make it another image."""
    base = TEMPLATE.table("pins")["images"]["postgres"].partition("@")[0]
    scratch.mkdir(exist_ok=True)
    (scratch / "Dockerfile").write_text("\n".join([OPERAND.format(base=base), *instructions]))
    name = POSTGRES.partition("@")[0]
    with engine.built(scratch) as image:
        return f"{name}@{push(image, name.partition('/')[2])}"


def push(image: str, name: str) -> str:
    """Into the registry; answers the digest."""
    place = f"{REGISTRY}/{name}"
    engine.docker("tag", image, place)
    try:
        pushed = engine.docker("push", place)
    finally:
        engine.docker("rmi", place)
    return pushed.rpartition("digest: ")[2].split()[0]


@contextmanager
def installed(scratch: Path, plugin: str) -> Iterator[None]:
    """The operator at work, and what a manifest says of a plugin beside it."""
    release = (module(NAME) / f"releases/cnpg-{VERSION}.yaml").read_text().replace(IMAGE, push_operator(scratch))
    # What a test before has deleted may still be on its way out.
    wait_until("the old definitions to go", lambda: "cnpg.io" not in kubectl("get", "crds", "--output=name"))
    try:
        kubectl("apply", "--server-side", "--filename=-", stdin=f"{release}\n---\n{plugin}")
        for name in ("cnpg-controller-manager", "barman-cloud"):
            kubectl("--namespace=cnpg-system", "rollout", "status", f"deployment/{name}", "--timeout=120s")
        yield
    finally:
        # The plugin first: the operator has to let go of its Service.
        for one in (plugin, release):
            kubectl("delete", "--ignore-not-found", "--timeout=120s", "--filename=-", stdin=one)


@contextmanager
def disks(folder: Path, name: str, sizes: dict[str, int]) -> Iterator[None]:
    """Volumes by their size, of folders of this machine: for claims that name no class, in a cluster without one.

    Not of the kubelet's kind for each pod: a claim's data is there for the next pod.
    """
    volumes = []
    for size, count in sizes.items():
        for number in range(count):
            path = folder / f"{size}-{number}"
            path.mkdir(parents=True)
            os.chown(path, 26, 26)
            spec = {
                "capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": str(path)},
                "persistentVolumeReclaimPolicy": "Retain",
            }  # fmt: skip
            metadata = {"name": f"{name}-{size.lower()}-{number}", "labels": {"test": name}}
            volumes.append({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec})
    try:
        kubectl("create", "--filename=-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": volumes}))
        yield
    finally:
        kubectl("delete", "persistentvolumes", f"--selector=test={name}", "--timeout=60s")

"""CloudNativePG's plugin for backups in the cluster: Barman Cloud, built from its Go module, and its sidecar's image.

What stands for something else here: two of its libraries (go.mod says which); Barman, whose 3.20 is on no registry that
is reached, and the image below it; and cert-manager, which is not here, so that the two certificates that the release's
manifest asks it for are made by hand.
"""

import base64
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.support import engine
from tests.support.cluster.cloudnative_pg import PLUGIN, push
from tests.support.cluster.schemas import module
from tests.support.golang import compiling
from tests.support.paths import CACHE
from tests.support.render import TEMPLATE

VERSION = PLUGIN.rpartition("@v")[2]
BUILT = CACHE / "barman-cloud" / VERSION
IMAGE = f"ghcr.io/cloudnative-pg/plugin-barman-cloud:v{VERSION}"
SIDECAR_IMAGE = f"ghcr.io/cloudnative-pg/plugin-barman-cloud-sidecar:v{VERSION}"
OPERATOR = """\
FROM {base}
COPY manager /
USER 65532:65532
ENTRYPOINT ["/manager"]
"""
# As its own Dockerfile has it, of less: the versions are its requirements', and psycopg2 comes with its library.
# It trusts the bucket of the tests as it would a public one.
SIDECAR = """\
FROM {base}
RUN pip install --quiet --no-cache-dir boto3==1.43.81 psycopg2-binary==2.9.12 python-dateutil==2.9.0.post0 \\
 && pip install --quiet --no-cache-dir --no-deps barman==3.19.1
COPY manager authority.pem /
ENV AWS_CA_BUNDLE=/authority.pem
USER 26:26
ENTRYPOINT ["/manager"]
"""


def manager() -> Path:
    """The plugin's program, of its own pod and of the sidecar, built where it is missing: minutes. Needs Go."""
    path = BUILT / "manager"
    if not path.exists():
        module(PLUGIN)  # says so where there is no Go
        fresh = BUILT / str(os.getpid())  # beside another process that builds the same
        program = f"{PLUGIN.partition('@')[0]}/cmd/manager"
        command = ["go", "build", "-ldflags=-s -w", f"-o={fresh}", program]
        subprocess.run(command, cwd=Path(__file__).parent, env=compiling("-mod=readonly"), check=True)
        fresh.rename(path)
    return path


def certificate(folder: Path, name: str, names: str) -> tuple[Path, Path]:
    """One that signs itself, with its key; `names` as openssl has them: `DNS:…` or `IP:…`."""
    public, private = folder / f"{name}.pem", folder / f"{name}-key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}", "-keyout", private, "-out", public],
        check=True, capture_output=True,
    )  # fmt: skip
    return public, private


def pushed(scratch: Path, dockerfile: str, base: str, name: str) -> str:
    """An image of what is in the folder; answers its name by digest."""
    stands_for = TEMPLATE.table("pins")["images"][base].partition("@")[0]
    (scratch / "Dockerfile").write_text(dockerfile.format(base=stands_for))
    with engine.built(scratch) as image:
        return f"{name}@{push(image, name.partition('/')[2])}"


def manifest(scratch: Path, authority: Path) -> str:
    """What the release's manifest makes, with these images, and with certificates in the place of cert-manager's."""
    scratch.mkdir()
    shutil.copy(manager(), scratch / "manager")
    shutil.copy(authority, scratch / "authority.pem")
    images = (
        pushed(scratch, OPERATOR, "distroless-static", IMAGE),
        pushed(scratch, SIDECAR, "python-3.14", SIDECAR_IMAGE),
    )
    made = []
    for one in yaml.safe_load_all((module(PLUGIN) / "manifest.yaml").read_text()):
        if one["apiVersion"].startswith("cert-manager.io/"):
            made += [secret(scratch, one["spec"])] if one["kind"] == "Certificate" else []
            continue
        if one["kind"] == "Deployment":
            one["spec"]["template"]["spec"]["containers"][0]["image"] = images[0]
        if one["kind"] == "Secret":
            one["data"]["SIDECAR_IMAGE"] = base64.b64encode(images[1].encode()).decode()
        made.append(one)
    return yaml.safe_dump_all(made)


def secret(scratch: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """What cert-manager makes of a Certificate."""
    name = asked["commonName"]
    public, private = certificate(scratch, name, f"DNS:{name}")
    return {
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {"name": asked["secretName"], "namespace": "cnpg-system"},
        "stringData": {"tls.crt": public.read_text(), "tls.key": private.read_text()},
    }  # fmt: skip

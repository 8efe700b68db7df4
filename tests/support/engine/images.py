"""Stand-ins for the images of the table of pins, on a machine that reaches no container registry.

A Dockerfile in `stand_ins/` mends one that lacks what the public image has; its first line says which and why.
Run `python -m tests.support.engine.images` before the tests that build, and with `thorough` before `make thorough`.
"""

import re
import subprocess
import sys

from tests.support import engine
from tests.support.paths import ENGINE, ROOT
from tests.support.render import TEMPLATE
from tests.support.run import thorough

MENDED = ROOT / "tests/support/engine/stand_ins"
# Of no family that the engine knows: made by `made/NAME.Dockerfile` from another image of the table.
MADE = {"lambda-adapter": "rust-1.99"}
# trivy needs its database of vulnerabilities from the Internet; the engine has a BuildKit of its own; restic's is made
# by the test that needs it, of the one on this machine; so is CloudNativePG's, of the PostgreSQL that is here.
NEVER_STARTED = {"trivy", "buildkit", "restic", "cloudnative-pg-postgres"}
# Versions that only an owner's code asks for, and that no test builds: docs/unproven.md says so.
NEVER_BUILT = re.compile(r"python-3[.]1[0-2]|node-22|distroless-nodejs22|java-21|j[dr][ke]-25|gradle-.*")


def main(*, every: bool) -> None:
    """Make what is missing, also for the thorough tests or not; without stand-ins, Docker pulls the public images."""
    if not ENGINE.exists():
        return
    later = set() if every else thorough.images()
    images = {
        name: image
        for name, image in TEMPLATE.table("pins")["images"].items()
        if name not in NEVER_STARTED | later and not NEVER_BUILT.fullmatch(name)
    }
    subprocess.run([ENGINE, "base", *(image for name, image in images.items() if name not in MADE)], check=True)
    for name in MADE.keys() & images.keys():
        make(name, images[name], images[MADE[name]])
    for dockerfile in sorted(MENDED.glob("*.Dockerfile")):
        mend(dockerfile.name.removesuffix(".Dockerfile"), dockerfile.read_text(), images)


def mend(family: str, dockerfile: str, images: dict[str, str]) -> None:
    """Build the Dockerfile on each image of its family, under the image's own name."""
    for image in images.values():
        name = image.partition("@")[0]
        if not re.match(rf"{family}:", name) or mended(name):
            continue
        subprocess.run(
            ["docker", "build", "--quiet", f"--tag={name}", f"--build-arg=IMAGE={name}", "--label=mended=yes", "-"],
            input=dockerfile, text=True, check=True, env=engine.environment(), stdout=subprocess.DEVNULL,
        )  # fmt: skip


def make(name: str, image: str, source: str) -> None:
    """Build what the engine has no family for, and let it know: what is there already, it leads the builds to."""
    tag = image.partition("@")[0]
    there = subprocess.run(
        ["docker", "image", "inspect", tag], env=engine.environment(), capture_output=True, check=False
    )
    if there.returncode:
        subprocess.run(
            ["docker", "build", "--quiet", f"--tag={tag}", f"--build-arg=IMAGE={source.partition('@')[0]}", "-"],
            input=(MENDED / f"made/{name}.Dockerfile").read_text(), text=True, check=True, env=engine.environment(),
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
    subprocess.run([ENGINE, "base", image], check=True)


def mended(name: str) -> bool:
    labels = engine.inspect("image", name)["Config"].get("Labels") or {}
    return "mended" in labels


if __name__ == "__main__":
    main(every="thorough" in sys.argv[1:])

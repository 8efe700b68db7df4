"""`make demo`: render a service with all defaults, and start it where Docker answers."""

import subprocess
import sys
from pathlib import Path

from copier import run_copy

from tests.support import engine
from tests.support.paths import ENGINE, ROOT


def main(folder: Path) -> int:
    """Render into `folder`, again over an earlier demo if need be; returns the exit code of `make up`."""
    # HEAD: what this checkout says, not the last release
    run_copy(str(ROOT), folder, defaults=True, overwrite=True, quiet=True, vcs_ref="HEAD")
    print(f"A service with all defaults is in {folder}/: read its README.md first.")
    if reason := engine.missing():
        print(f"It was not started, for Docker does not answer: {reason}")
        return 0
    if ENGINE.exists():
        images = subprocess.run([ENGINE, "images", folder], check=True, capture_output=True, text=True).stdout.split()
        subprocess.run([ENGINE, "base", *(image for image in images if "@" in image)], check=True)
    made = subprocess.run(["make", "--no-print-directory", "up"], cwd=folder, env=environment(folder), check=False)
    if made.returncode == 0:
        print(f"It runs at the address above: try /healthz, /readyz and /metrics. Stop it with: make -C {folder} down")
    return made.returncode


def environment(folder: Path) -> dict[str, str]:
    subprocess.run(["make", "--quiet", "prepare"], cwd=folder, check=True)
    return engine.compose_environment(folder, folder.resolve() / ".cache")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

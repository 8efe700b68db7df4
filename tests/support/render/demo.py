"""`make demo`, `make demo-stack`: render a service with all defaults, or several; start them where Docker answers."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from copier import run_copy

from tests.support import engine
from tests.support.paths import ENGINE, ROOT

# Of the README's commands: a page, the back end that it calls, and that one's PostgreSQL and Valkey.
STACK: dict[str, dict[str, Any]] = {
    "orders": {"cache": "valkey"},
    "web": {"language": "web", "calls": ["orders"]},
}


def service(folder: Path) -> int:
    """Render into `folder`, again over an earlier demo if need be; returns the exit code of `make up`."""
    # HEAD: what this checkout says, not the last release
    run_copy(str(ROOT), folder, defaults=True, overwrite=True, quiet=True, vcs_ref="HEAD")
    print(f"A service with all defaults is in {folder}/: read its README.md first.")
    if not starts():
        return 0
    made = up(folder, [folder])
    if made == 0:
        print(f"It runs at the address above: try /healthz, /readyz and /metrics. Stop it with: make -C {folder} down")
    return made


def stack(folder: Path) -> int:
    """The same with several services, the page as the last."""
    for name, answers in STACK.items():
        data = {"service_path": f"services/{name}"} | answers
        file = f".copier-answers.{name}.yml"
        run_copy(
            str(ROOT), folder, data=data, answers_file=file, defaults=True, overwrite=True, quiet=True, vcs_ref="HEAD"
        )
        listed, line = folder / "compose.yaml", f"  - path: services/{name}/docker-compose.yml\n"
        if line not in listed.read_text():
            listed.write_text(listed.read_text() + line)
    print(f"The services {' and '.join(STACK)} are in {folder}/services: `make up` there starts all of them.")
    if not starts():
        return 0
    made = up(folder, [folder / "services" / name for name in STACK])
    if made == 0:
        print(f"The page is at the last address. Stop all with: make -C {folder} down")
    return made


def starts() -> bool:
    if reason := engine.missing():
        print(f"It was not started, for Docker does not answer: {reason}")
    return not reason


def up(folder: Path, services: list[Path]) -> int:
    """The exit code of `make up`, where images by digest are led to stand-ins if this machine has them."""
    environment: dict[str, str] = {}
    for one in services:
        if ENGINE.exists():
            images = subprocess.run([ENGINE, "images", one], check=True, capture_output=True, text=True).stdout.split()
            subprocess.run([ENGINE, "base", *(image for image in images if "@" in image)], check=True)
        environment = engine.compose_environment(one, one / ".cache")
    if "COMPOSE_FILE" in environment:
        environment["COMPOSE_FILE"] = "docker-compose.yml:.cache/stand-ins.json"  # of the folder where it is read
    return subprocess.run(["make", "--no-print-directory", "up"], cwd=folder, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit({"service": service, "stack": stack}[sys.argv[1]](Path(sys.argv[2])))

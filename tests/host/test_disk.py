"""A disk that fills, on a machine that has one of 6 GB: nothing is lost, nothing is half done, and somebody is told."""

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.host.machine import Machine, follow, fresh_machine, ready  # noqa: F401 (a fixture)
from tests.support import engine
from tests.support.render import document

pytestmark = pytest.mark.engine

FREE = "df --block-size=1000000 --output=avail /home | tail -n 1"
# The last megabytes by its user, for some are left to root alone; and the last blocks one by one.
FILL = f"""
set -eu
fallocate --length "$((($({FREE}) - LEFT) * 1000000))" /home/filler
[ LEFT -gt 5 ] || runuser -u deploy -- sh -c '
  mkdir -p /home/deploy/filler && cd /home/deploy/filler
  cat /dev/zero >rest || sync
  number=0
  while echo one >$number; do number=$((number + 1)); done
  sync
  ! echo one >more
' 2>/dev/null
"""


def fill(left: int) -> str:
    """The script that fills the disk, until so many MB are left; 0: until nothing can be written."""
    return FILL.replace("LEFT", str(left or 5))


def drain(machine: Machine) -> None:
    machine.root("rm", "-rf", "/home/filler", "/home/deploy/filler")


@contextmanager
def filled(machine: Machine, left: int) -> Iterator[None]:
    machine.root("sh", "-c", fill(left))
    try:
        yield
    finally:
        drain(machine)


@pytest.fixture(autouse=True)
def _live(machine: Machine) -> None:
    """Each test finds version two live, and version one to go back to."""
    if "blue" not in machine.deploy("ls slots 2>/dev/null || true"):
        machine.deployed("one")
    if machine.live() != "two":
        machine.deployed("two")


def state(machine: Machine) -> str:
    """What the folder has, the images, and the containers."""
    files = "find . ! -name lock ! -path './backups/*' -type f | sort | xargs sha256sum; ls"
    return machine.deploy(f"{files}; docker image ls --quiet --no-trunc | sort; docker ps --quiet --no-trunc | sort")


def test_a_deployment_without_room_is_refused_before_anything_is_changed(machine: Machine) -> None:
    """https://github.com/project-arbr/arbr-control-plane/pull/130: found out by a pull that dies in its middle."""
    before = state(machine)
    with filled(machine, 900):
        result = machine.run("deploy.sh", "three")
        assert result.returncode == 1
        assert machine.live() == "two"
        refused, live = result.stderr.splitlines()
        assert re.fullmatch(
            r"release: only \d{3} of \d{4} MB are free on /home: too little for a new image\."
            r' deploy/README\.md says under "A disk that fills" what can go',
            refused,
        )
        assert live == f"release: live is {machine.versions['two']}, as before"
        assert state(machine) == before
        with machine.under_load():  # going back takes no room
            machine.deployed("one", "rollback.sh")
        assert machine.live() == "one"


def test_a_full_disk_takes_no_files_of_a_deployment(machine: Machine) -> None:
    before = state(machine)
    with filled(machine, 0):
        result = machine.run("deploy.sh", "three")
        assert result.returncode == 1
        assert machine.live() == "two"
        assert result.stderr.splitlines()[-1] == (
            "deploy: the files of the deployment did not get to the host, and nothing was changed: see above"
        )
        assert state(machine) == before


@pytest.mark.parametrize("healthy", [True, False], ids=["deployment", "rollback"])
def test_the_disk_fills_in_the_middle_of_a_deployment(machine: Machine, tmp_path: Path, healthy: bool) -> None:
    """From its integration test on; then the traffic is switched, and, where the watch fails, switched back."""
    script = tmp_path / "fill"
    script.write_text(f"#!/bin/sh\ndocker exec {machine.name} sh -c '{quoted(fill(0))}'\n")
    script.chmod(0o755)
    settings = engine.environment() | {"INTEGRATION_TEST": str(script)}
    if not healthy:
        (tmp_path / ".curlrc").write_text('connect-to = "::127.0.0.1:1"\n')
        settings["CURL_HOME"] = str(tmp_path)
    try:
        with machine.under_load():
            result = machine.run("deploy.sh", "three", **settings)
            assert "has the traffic" in result.stderr, result.stderr
            assert machine.live() == ("three" if result.returncode == 0 else "two")
        assert result.returncode == (0 if healthy else 1), result.stderr
    finally:
        drain(machine)
    assert machine.deploy("ls slots").split() == ["blue", "green", "live", "to-", "to-blue", "to-green"]
    assert not machine.deploy("find . -maxdepth 1 -name 'incoming.*'")
    machine.deployed("four")


def quoted(text: str) -> str:
    """In single quotes of a shell."""
    return text.replace("'", "'\\''")


def backups(machine: Machine) -> str:
    return machine.deploy("ls -l backups")


def fails(machine: Machine, unit: str) -> str:
    """Run a service that must fail; returns what its log has of it."""
    result = subprocess.run(
        ["docker", "exec", machine.name, "systemctl", "start", unit], capture_output=True, check=False,
        env=engine.environment(),
    )  # fmt: skip
    assert result.returncode == 1
    assert unit in machine.root("systemctl", "--failed", "--plain")
    return machine.root("journalctl", "--no-pager", "--output=cat", f"--unit={unit}", "--lines=60")


def test_a_backup_that_finds_no_room_takes_the_place_of_none(machine: Machine) -> None:
    """https://github.com/k0lter/autopostgresqlbackup/issues/2, https://github.com/bcgov/backup-container/issues/137."""
    unit = f"{machine.name}-backup"
    machine.root("systemctl", "start", unit)
    machine.deploy("touch --date '30 days ago' backups/app-*.dump")
    before = backups(machine)
    with filled(machine, 100):
        assert re.search(r"backup: only \d+ of \d+ MB are free on /home: no backup was made", fails(machine, unit))
        assert backups(machine) == before
    sql = "CREATE TABLE large (t text); COPY large FROM PROGRAM 'head -c 240000000 /dev/urandom | base64 -w 100000'"
    psql = "docker compose exec -T database psql -qX -U postgres app -c"
    machine.deploy(f'{psql} "{sql}"')
    with filled(machine, 215):  # enough for one as large as the last
        said = fails(machine, unit)
        assert "backup: the database was not dumped: see above" in said
        assert "o space left on device" in said
        assert backups(machine) == before, "nothing half is left, and the good one is there"
    ready(
        machine.name, ["runuser", "--login", "deploy", "--command", f"cd {machine.name} && {psql} 'DROP TABLE large'"]
    )
    machine.root("systemctl", "start", unit)
    assert backups(machine) != before
    assert unit not in machine.root("systemctl", "--failed", "--plain")


@contextmanager
def webhook(address: str) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Its address, and what it was told."""
    told: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/json"
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Not to the tests' own output."""

    with ThreadingHTTPServer((address, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://{address}:{server.server_port}/services/T0/B0/secret", told
        finally:
            server.shutdown()


def images(machine: Machine) -> set[str]:
    """The service's, by digest."""
    return set(machine.deploy(f"docker image ls --digests --format '{{{{.Digest}}}}' {machine.repository}").split())


def test_an_alert_before_the_disk_is_full_once_pruning_does_not_help(machine: Machine) -> None:
    unit = f"{machine.name}-disk"
    assert f"{unit}.timer" in machine.root("systemctl", "list-timers")
    machine.root("systemctl", "start", unit)
    for version in ("three", "four", "two"):
        machine.deployed(version)
    kept = images(machine)
    assert kept == {machine.versions[name] for name in ("two", "three", "four")}
    login = f"mkdir ../pull && echo '{machine.registry.login}' >../pull/config.json"
    machine.deploy(f"{login} && docker --config ../pull pull --quiet {machine.image('five')} && rm -r ../pull")
    gateway = engine.inspect("network", "bridge")["IPAM"]["Config"][0]["Gateway"]
    with webhook(gateway) as (address, told), filled(machine, 2000):
        (machine.project / ".secrets/webhook").write_text(f"{address}\n")
        follow(machine, "Alerts", machine.admin)
        machine.deploy("flock lock ./disk.sh")
        assert machine.versions["five"] in images(machine), "a deployment is at work, which may have pulled it"
        assert not told
        page = document.shell(machine.project, "A disk that fills", {})
        result = subprocess.run(
            ["docker", "exec", machine.name, "runuser", "--login", "deploy", "--command", f"cd {machine.name}; {page}"],
            env=engine.environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert result.returncode == 0, "its last command"
        assert re.search(r"disk: only \d{4} of \d{4} MB are free on /home", result.stderr)
        assert re.search(r"\s\./backups$", result.stderr, re.MULTILINE), "what takes the room"
        assert f"{machine.name}_database" in result.stdout
        said = fails(machine, unit)
        assert re.search(r"disk: only (1\d{3}|2000) of \d{4} MB are free on /home", said)
        assert images(machine) == kept
        (message,) = told
        host = machine.root("hostname")
        assert message == {"text": f"{host}: {unit} has failed. There, journalctl -u {unit} says why."}
    for place in ("/etc/systemd", "/root"):
        assert "services/T0" not in machine.root("grep", "-rs", "services/T0", place, check=False)
    assert machine.root("stat", "--format=%a %U", f"/etc/{machine.name}-alert") == "600 root"
    machine.root("systemctl", "start", unit)
    assert unit not in machine.root("systemctl", "--failed", "--plain")


def test_logs_are_rotated_of_any_container(machine: Machine) -> None:
    """https://docs.docker.com/engine/logging/configure: without, json-file grows until the disk is full."""
    image = machine.deploy("docker compose images --format json proxy | grep -o 'sha256:[0-9a-f]*' | head -n 1")
    identity = machine.deploy(f"docker create {image}")
    told = machine.deploy(
        f"docker inspect --format '{{{{json .HostConfig.LogConfig}}}}' {identity} && docker rm {identity}"
    )
    assert json.loads(told.splitlines()[0]) == {"Type": "json-file", "Config": {"max-file": "5", "max-size": "10m"}}

"""A machine in a container, prepared by prepare-host.sh and deployed to by deploy.sh over SSH, without root."""

import json
import os
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests.host.conftest import COUNTER, SITE, Site, make_versions
from tests.pipeline.conftest import registry  # noqa: F401 (a fixture)
from tests.support import engine
from tests.support.engine.container import read
from tests.support.engine.load import Load
from tests.support.engine.registry import Guarded, guarded
from tests.support.github import GitHub
from tests.support.paths import ENGINE
from tests.support.render import ORDERS, document, render
from tests.support.run import figures

# By digest, as everything that comes from elsewhere.
DEBIAN = "debian:13.7-slim@sha256:a99cfc517144bc59b1978475ec53b46ecabec7e43635402ee5b77cc54cd1b20a"


@dataclass(eq=False)
class Machine:
    """A machine in a container: systemd, sshd, a firewall, and in it Docker of the user `deploy`."""

    name: str
    project: Path
    registry: Guarded
    repository: str
    versions: dict[str, str]
    environment: dict[str, str]
    admin: dict[str, str] = field(default_factory=dict)  # the environment of root's, on another machine

    @property
    def address(self) -> str:
        networks = engine.inspect("container", self.name)["NetworkSettings"]["Networks"]
        return str(networks["bridge"]["IPAddress"])

    def root(self, *command: str, check: bool = True) -> str:
        return engine.docker("exec", self.name, *command, check=check).strip()

    def deploy(self, command: str) -> str:
        """As its admin does, after `su - deploy`."""
        return self.root("runuser", "--login", "deploy", "--command", f"cd {self.project.name} && {command}")

    def image(self, version: str) -> str:
        return f"{self.repository}@{self.versions[version]}"

    def run(self, script: str, version: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run deploy.sh or rollback.sh as a job of the workflows does."""
        return subprocess.run(
            [f"deploy/compose/{script}", "production", self.image(version)], cwd=self.project,
            env=self.environment | environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def deployed(self, version: str, script: str = "deploy.sh", **environment: str) -> str:
        result = self.run(script, version, **environment)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stderr

    def connect(self, port: int = 443) -> Site:
        return Site(self.address, port, self.trust())

    @cache  # noqa: B019
    def trust(self) -> ssl.SSLContext:
        root = self.deploy("docker compose exec -T proxy cat /data/caddy/pki/authorities/local/root.crt")
        return ssl.create_default_context(cadata=root)

    def live(self) -> str:
        connection = self.connect()
        try:
            connection.request("GET", "/")
            return str(read(connection.getresponse()).json["version"])
        finally:
            connection.close()

    def restart(self) -> None:
        """Docker may give its address to another container meanwhile: what names it learns the new one, as by DNS."""
        before = self.address
        engine.docker("restart", self.name)
        known = [Path(self.environment["SSH_FOLDER"]) / "known_hosts", Path(self.environment["CURL_HOME"]) / ".curlrc"]
        for file in known:
            file.write_text(file.read_text().replace(before, self.address))
        self.environment["DEPLOY_HOST"] = self.environment["DEPLOY_HOST"].replace(before, self.address)

    @contextmanager
    def under_load(self) -> Iterator[None]:
        address, context = self.address, self.trust()
        load = Load(lambda: [443], connect=lambda port: Site(address, port, context), workers=2, pause=0.01)
        with load.running():
            yield
        assert load.lost == []
        assert load.asked_again == 0
        assert set(load.answers) == {200}
        assert load.answers[200] > 50


def ready(machine: str, command: list[str], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while subprocess.run(["docker", "exec", machine, *command], capture_output=True, check=False).returncode:
        assert time.monotonic() < deadline, f"{command} never succeeded\n{diagnosis(machine)}"
        time.sleep(0.2)


def diagnosis(machine: str) -> str:
    """Which services of the machine failed to start, and the end of its log, in which Docker's is too."""
    said = [engine.docker("exec", machine, "systemctl", "--no-pager", "--failed", check=False)]
    said.append(engine.docker("exec", machine, "journalctl", "--no-pager", "--boot", "--lines=60", check=False))
    return "\n".join(said)


@pytest.fixture(name="machine", scope="module")
def fresh_machine(
    registry: str,  # noqa: F811
    built: Callable[[str], str],
    plain_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Machine]:
    """A machine that prepare-host.sh has prepared, and nothing was deployed to."""
    scratch = tmp_path_factory.mktemp("machine")
    gateway = engine.inspect("network", "bridge")["IPAM"]["Config"][0]["Gateway"]
    if ENGINE.exists():
        subprocess.run([ENGINE, "base", DEBIAN], check=True, capture_output=True)
    dockerfile = Path(__file__).with_name("machine.Dockerfile").read_text()
    subprocess.run(
        ["docker", "build", "--quiet", "--tag=shipshape-test/machine", f"--build-arg=IMAGE={DEBIAN}", "-"],
        input=dockerfile, text=True, check=True, env=engine.environment(), stdout=subprocess.DEVNULL,
    )  # fmt: skip
    name = f"machine-{os.getpid()}-{next(COUNTER)}"
    with guarded(registry, gateway) as front:
        project = render(
            plain_template, scratch / name,
            **ORDERS | {
                "language": "go", "service_name": name, "orchestrator": "compose", "registry": "private",
                "registry_host": front.address, "production_host": SITE,
            },
        )  # fmt: skip
        # Checked out under umask 077; what that writes on the machine is nobody else's, too.
        subprocess.run(["chmod", "--recursive", "go=", project], check=True)
        systemd = ("--privileged", "--cgroupns=private", "--tmpfs=/run", "--tmpfs=/tmp", "--volume=/disk")
        engine.docker("run", "--detach", f"--name={name}", *systemd, "shipshape-test/machine")
        started = Machine(name, project, front, f"{front.address}/octo-org/shop/{name}", {}, {})
        try:
            ready(name, ["systemctl", "is-system-running", "--wait"])
            github = prepare(started, scratch)
            started.versions |= make_versions(project, registry, built("go"))
            started.environment |= job(started, github, scratch)
            before_images(started)
            yield started
        finally:
            engine.docker("rm", "--force", "--volumes", name)


def prepare(machine: Machine, scratch: Path) -> GitHub:
    """As deploy/README.md says, command by command, by an administrator whom the host lets in; what GitHub then has."""
    admin = scratch / "admin"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", admin], check=True)
    engine.docker("cp", f"{admin}.pub", f"{machine.name}:/root/")
    machine.root("sh", "-c", "mkdir -p /root/.ssh && cp /root/admin.pub /root/.ssh/authorized_keys")
    github = GitHub(scratch / "github")
    known = f"-i {admin} -o StrictHostKeyChecking=accept-new -o UserKnownHostsFile={scratch}/seen"
    machine.admin = with_ssh(scratch, known)
    with figures.timed("host", "prepare-host.sh, its packages there already"):
        prepared = follow(machine, "Hosts", machine.admin)
    given = follow(machine, "Hosts", github.environment, block=1)
    fingerprint = re.search(r"SHA256:\S+", given)
    assert fingerprint
    assert fingerprint[0] in prepared, "what is compared must be there"
    return github


def with_ssh(scratch: Path, options: str) -> dict[str, str]:
    """An environment in which ssh and scp have these options: what stands in ~/.ssh of whoever types the commands."""
    folder = scratch / "bin"
    folder.mkdir(exist_ok=True)
    for name in ("ssh", "scp"):
        path = folder / name
        path.write_text(f'#!/bin/sh\nexec {shutil.which(name)} $SSH_OPTIONS "$@"\n')
        path.chmod(0o755)
    return {"SSH_OPTIONS": options, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def follow(machine: Machine, heading: str, environment: dict[str, str], block: int = 0) -> str:
    """Run what stands under a heading of deploy/README.md; the machine is reached by its address, not by its name."""
    commands = document.shell(machine.project, heading, {f"staging.{SITE}": machine.address}, block)
    result = document.run(machine.project, commands, environment)
    assert result.returncode == 0, result.stdout + result.stderr + diagnosis(machine.name)
    return result.stdout


def before_images(machine: Machine) -> None:
    """What a rented machine need not know: a registry without TLS, networks apart from those around it, stand-ins."""
    networks = {"bip": "10.210.0.1/24", "default-address-pools": [{"base": "10.211.0.0/16", "size": 24}]}
    file = "/home/deploy/.config/docker/daemon.json"
    daemon = json.dumps(
        json.loads(machine.root("cat", file)) | networks | {"insecure-registries": [machine.registry.address]}
    )
    machine.root("sh", "-c", f"echo '{daemon}' >{file}")
    machine.root("systemctl", "--machine=deploy@", "--user", "restart", "docker-rootless")
    stack = yaml.safe_load((machine.project / "deploy/compose/compose.prod.yaml").read_text())["services"]
    changes: dict[str, dict[str, str]] = {name: {} for name in stack}
    if ENGINE.exists():
        images = [stack[name]["image"].partition("@")[0] for name in ("proxy", "database")]
        there = f"docker exec --interactive {machine.name} runuser --login deploy --command 'docker load'"
        subprocess.run(f"docker save {' '.join(images)} | {there}", shell=True, check=True, stdout=subprocess.DEVNULL)  # noqa: S602
        changes |= {"proxy": {"image": images[0]}, "database": {"image": images[1]}}
    text = yaml.safe_dump({"services": changes})
    if not json.loads(machine.root("runuser", "--login", "deploy", "--command", "docker info --format json"))[
        "CpuCfsQuota"
    ]:
        # Control groups in a container on a machine that has them in the old way: no limits can be set there.
        text = re.sub(r"^  (\w+):( \{\})?$", r"  \1:\n    deploy: !reset null", text, flags=re.MULTILINE)
    (machine.project / "deploy/compose/compose.own.yaml").write_text(text.replace(" {}", ""))


def job(machine: Machine, github: GitHub, scratch: Path) -> dict[str, str]:
    """What a job of the pipeline has when it comes to deploy.sh, made by the workflow's own step."""
    workflow = yaml.safe_load((machine.project / ".github/workflows/deploy.yml").read_text())
    steps = workflow["jobs"]["production"]["steps"]
    (step,) = [step for step in steps if step.get("name") == "Write the SSH key"]
    names = ("DEPLOY_HOST", "SSH_KNOWN_HOSTS", "SSH_PRIVATE_KEY")
    values = {name: github.value("staging", name) for name in names}
    assert {name: text.split(".")[1].rstrip(" }") for name, text in step["env"].items()} == {
        name: name for name in values
    }
    variables = scratch / "github-env"
    runner = {"RUNNER_TEMP": str(scratch), "GITHUB_ENV": str(variables)}
    subprocess.run(["bash", "-e", "-c", step["run"]], env=os.environ | values | runner, check=True)
    for folder in ("docker", "curl", "home"):
        (scratch / folder).mkdir()
    (scratch / "docker/config.json").write_text(machine.registry.login)
    # In the place of DNS, and of an authority that everybody trusts; the tests themselves do check the certificate.
    (scratch / "curl/.curlrc").write_text(f'connect-to = "{SITE}:443:{machine.address}:443"\ninsecure\n')
    own = {"HOME": scratch / "home", "DOCKER_CONFIG": scratch / "docker", "CURL_HOME": scratch / "curl"}
    given = dict(line.split("=", 1) for line in variables.read_text().splitlines())
    return os.environ | {name: str(path) for name, path in own.items()} | given | {"WATCH_SECONDS": "3"}

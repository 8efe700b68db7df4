"""The whole way: a machine of its own, prepared by prepare-host.sh, deployed to by deploy.sh over SSH, without root."""

import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests.host.conftest import COUNTER, SITE, Site, make_versions
from tests.pipeline.conftest import registry  # noqa: F401 (a fixture)
from tests.support import engine, step
from tests.support.engine.container import read
from tests.support.engine.load import Load
from tests.support.engine.registry import Guarded, guarded
from tests.support.github import GitHub
from tests.support.paths import ENGINE
from tests.support.render import ORDERS, document, render
from tests.support.run import figures

pytestmark = pytest.mark.engine

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

    @property
    def address(self) -> str:
        networks = engine.inspect("container", self.name)["NetworkSettings"]["Networks"]
        return str(networks["bridge"]["IPAddress"])

    def root(self, *command: str, check: bool = True) -> str:
        return engine.docker("exec", self.name, *command, check=check).strip()

    def deploy(self, command: str) -> str:
        """As its admin does: `sudo -iu deploy`."""
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


@pytest.fixture(scope="module")
def machine(
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
        systemd = ("--privileged", "--cgroupns=private", "--tmpfs=/run", "--tmpfs=/tmp", "--volume=/home")
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
    with figures.timed("host", "prepare-host.sh, its packages there already"):
        prepared = follow(machine, "Hosts", with_ssh(scratch, known))
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
    daemon = json.dumps(networks | {"insecure-registries": [machine.registry.address]})
    machine.root(
        "sh", "-c", f"mkdir -p /home/deploy/.config/docker && echo '{daemon}' >/home/deploy/.config/docker/daemon.json"
    )
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


def ssh(machine: Machine, *options: str) -> subprocess.CompletedProcess[str]:
    folder = machine.environment["SSH_FOLDER"]
    known = ("-o", f"UserKnownHostsFile={folder}/known_hosts", "-o", "BatchMode=yes", "-i", f"{folder}/key")
    command = ["ssh", *known, *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)


STATE = r"""
find /etc/ssh /etc/systemd /etc/sysctl.d /etc/profile.d /etc/apt/apt.conf.d /etc/ufw /home/deploy/.ssh -type f |
  sort | xargs sha256sum
sha256sum /etc/passwd /etc/shadow /etc/group /etc/subuid
ufw status; sshd -T; systemctl list-unit-files --state=enabled
"""


def test_a_second_preparation_changes_nothing(machine: Machine) -> None:
    before = machine.root("bash", "-c", STATE)
    machine.root("/root/prepare-host.sh", "/root/staging.pub")
    assert machine.root("bash", "-c", STATE) == before


def test_user_has_no_sudo_password_or_forwarding(machine: Machine) -> None:
    assert machine.root("id", "deploy") == "uid=1000(deploy) gid=1000(deploy) groups=1000(deploy)"
    assert machine.root("getent", "shadow", "deploy").split(":")[1] == "*"
    assert machine.root("systemctl", "is-active", "docker.service", check=False) == "inactive", "no Docker of root's"
    settings = machine.root("sshd", "-T").lower().splitlines()
    assert {"passwordauthentication no", "kbdinteractiveauthentication no"} <= set(settings)
    destination = machine.environment["DEPLOY_HOST"]
    assert ssh(machine, destination, "id -un").stdout == "deploy\n"
    assert "PTY allocation request failed" in ssh(machine, "-tt", destination, "true").stderr
    assert "open failed: administratively prohibited" in ssh(machine, "-W", "127.0.0.1:22", destination).stderr
    assert ssh(machine, "-o", "PubkeyAuthentication=no", destination, "true").returncode == 255


def test_firewall_allows_three_ports(machine: Machine) -> None:
    status = machine.root("ufw", "status", "verbose")
    assert "Default: deny (incoming)" in status
    assert set(re.findall(r"^(\S+)\s+ALLOW IN", status, re.MULTILINE)) == {"22/tcp", "80/tcp", "443/tcp"}


@pytest.mark.parametrize(
    "content", ["no key", "\\n", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", "ssh-ed25519 nonsense"]
)
def test_invalid_ssh_key_is_refused(machine: Machine, content: str) -> None:
    machine.root("sh", "-c", f"printf '%s' '{content}' >/root/other")
    result = subprocess.run(
        ["docker", "exec", machine.name, "/root/prepare-host.sh", "/root/other"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "prepare-host: /root/other is not a public key" in result.stderr


def test_a_preparation_that_fails_says_why(machine: Machine) -> None:
    """Neither a reason that `set -e` has swallowed, nor one that is not the reason."""
    for command, reason in {
        # https://manpages.debian.org/find: fails where one of its folders is not there, whatever it has found
        "mv /root/.ssh /root/ssh; mkdir -p /home/admin/.ssh; cp /root/admin.pub /home/admin/.ssh/authorized_keys": "",
        "echo 'Nonsense yes' >/etc/ssh/sshd_config.d/99-nonsense.conf": "Nonsense",
    }.items():
        machine.root("bash", "-c", command)
        result = subprocess.run(
            ["docker", "exec", machine.name, "/root/prepare-host.sh", "/root/staging.pub"],
            capture_output=True, text=True, check=False, env=engine.environment(),
        )  # fmt: skip
        machine.root("bash", "-c", "[ ! -d /root/ssh ] || mv /root/ssh /root/.ssh; rm -rf /home/admin")
        machine.root("rm", "-f", "/etc/ssh/sshd_config.d/99-nonsense.conf")
        assert result.returncode == bool(reason), result.stderr
        assert reason in result.stderr
        if reason:
            assert re.search(r"^prepare-host: stopped at line \d+, see above: sshd -t$", result.stderr, re.MULTILINE)


def by_the_page(machine: Machine, heading: str, version: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Deploy to production as deploy/README.md says for staging, from a machine whose key the host knows."""
    folder = Path(machine.environment["SSH_FOLDER"])
    mine = with_ssh(folder.parent, f"-i {folder}/key -o UserKnownHostsFile={folder}/known_hosts")
    values = {f"{machine.repository}@sha256:…": machine.image(version), ".sh staging": ".sh production"}
    environment = machine.environment | mine | more
    if heading == "Deploy":
        values[f"staging.{SITE}"] = machine.address
    result = document.run(machine.project, document.shell(machine.project, heading, values), environment)
    assert result.returncode == 0, result.stdout + result.stderr
    return result


def test_from_an_empty_host_to_the_second_version(machine: Machine) -> None:
    with figures.timed("host", "first deployment, over SSH, rootless"):
        said = by_the_page(machine, "Deploy", "one")
    assert re.search(
        r"^integration: http://127.0.0.1:\d+ answers as it should$", said.stdout + said.stderr, re.MULTILINE
    )
    assert machine.live() == "one"
    with machine.under_load():
        machine.deployed("two")
        assert machine.live() == "two"
    places = ("/home/deploy", "/dev/shm", "/run/user")  # noqa: S108
    kept = machine.root("grep", "-rs", "--exclude-dir=.local", "auth", *places, check=False)
    assert machine.registry.token not in kept


def test_unknown_host_key_is_refused(machine: Machine, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(machine.environment["SSH_FOLDER"], tmp_path / "ssh"))
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
    (folder / "known_hosts").write_text(f"{machine.address} {(tmp_path / 'other.pub').read_text()}")
    for known in (folder / "known_hosts").read_text(), "":
        (folder / "known_hosts").write_text(known)
        result = machine.run("deploy.sh", "one", SSH_FOLDER=str(folder))
        assert result.returncode != 0
        assert "Host key verification failed" in result.stderr
    assert machine.live() == "two"


@pytest.fixture
def demanding(machine: Machine) -> Iterator[None]:
    """An integration test that one version alone passes."""
    path = machine.project / "scripts/integration.sh"
    before = path.read_text()
    path.write_text(before + '[[ $(ask /) == *"two"* ]] || fail "this is not version two"\n')
    yield
    path.write_text(before)


@pytest.mark.usefixtures("demanding")
def test_rollback_after_a_failed_integration_test(machine: Machine) -> None:
    with machine.under_load():
        result = machine.run("deploy.sh", "three")
    assert result.returncode == 1
    assert "integration: this is not version two" in result.stderr
    assert f"live is {machine.versions['two']}, as before" in result.stderr.splitlines()[-1]
    assert machine.live() == "two"


@pytest.mark.usefixtures("demanding")
def test_rollback_needs_no_test_and_no_registry(machine: Machine) -> None:
    reads = len(machine.registry.reads)
    with machine.under_load():
        result = by_the_page(machine, "Roll back", "one", DOCKER_CONFIG="/none")
    assert machine.versions["one"] in result.stdout, "what was live is listed"
    assert "migrating the database" not in result.stderr
    assert machine.live() == "one"
    assert len(machine.registry.reads) == reads
    machine.deployed("two")


def test_rollback_of_a_service_that_is_unreachable_from_outside(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / ".curlrc").write_text(f'connect-to = "{SITE}:443:127.0.0.1:1"\n')
    result = machine.run("deploy.sh", "one", CURL_HOME=str(tmp_path))
    assert result.returncode == 1
    assert "/healthz failed ten times in a row with the new version\n" in result.stderr
    assert machine.live() == "two"


STEP = 'deploy/compose/deploy.sh production "$IMAGE"'


@pytest.mark.parametrize("command", [STEP, f"exec {STEP}"], ids=["child", "exec"])
def test_a_cancelled_job_is_rolled_back_while_it_tests(machine: Machine, command: str) -> None:
    path = machine.project / "scripts/integration.sh"
    before = path.read_text()
    path.write_text(before.replace("url=${1%/}\n", "url=${1%/}\necho begun >&2; sleep 600\n"))
    try:
        with machine.under_load():
            cancelled(machine, command, "begun")
    finally:
        path.write_text(before)


def test_a_cancelled_job_is_rolled_back_while_it_watches(machine: Machine) -> None:
    with machine.under_load():
        cancelled(machine, STEP, "has the traffic", WATCH_SECONDS="120")


def cancelled(machine: Machine, command: str, point: str, **settings: str) -> None:
    """Cancel a deployment of version one at some point, and run the step that follows."""
    environment = machine.environment | {"IMAGE": machine.image("one")} | settings
    with step.start(command, machine.project, **environment) as process:
        assert process.stderr
        while point not in (line := process.stderr.readline()):
            assert line, "it ended before"
        step.cancel(process)
        for _ in range(2):  # the second time, nothing is left to do
            result = subprocess.run(
                ["deploy/compose/recover.sh", "production"], cwd=machine.project, env=machine.environment,
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert result.returncode == 0, result.stdout + result.stderr
            assert result.stderr.splitlines()[-1] == f"release: live is {machine.versions['two']}, as before"
            assert machine.live() == "two"
            assert len(machine.deploy("docker compose ps --all --quiet blue green").split()) == 1
        assert "nothing to roll back" in result.stderr
        process.communicate(timeout=30)  # nothing that it started is left: its output ends


def test_rollback_after_the_runner_has_died(machine: Machine) -> None:
    path = machine.project / "scripts/integration.sh"
    before = path.read_text()
    path.write_text(before.replace("url=${1%/}\n", "url=${1%/}\necho begun >&2; sleep 600\n"))
    command = ["deploy/compose/deploy.sh", "production", machine.image("one")]
    try:
        with subprocess.Popen(
            command, cwd=machine.project, env=machine.environment, start_new_session=True, text=True,
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            assert process.stderr
            while "begun" not in (line := process.stderr.readline()):
                assert line, "it ended before its test"
            os.killpg(process.pid, signal.SIGKILL)
    finally:
        path.write_text(before)
    deadline = time.monotonic() + 60
    while len(machine.deploy("docker compose ps --all --quiet blue green").split()) != 1:
        assert time.monotonic() < deadline, "the new version was left behind"
        time.sleep(0.5)
    assert machine.live() == "two"
    with machine.under_load():
        machine.deployed("one")
    assert machine.live() == "one"


def test_the_nightly_backup_is_made_and_is_restored_as_the_page_says(machine: Machine) -> None:
    assert f"{machine.name}-backup.timer" in machine.root("systemctl", "list-timers")
    machine.root("systemctl", "start", f"{machine.name}-backup.service")
    (backup,) = machine.deploy("ls backups").split()
    said = machine.deploy(
        "set -e\n" + document.shell(machine.project, "Recovery", {"backups/FILE": f"backups/{backup}"})
    )
    assert "restore: the backup can be restored\n" in said
    assert said.splitlines()[-1].startswith("restore: done; what was there before is the database before_")


def test_all_comes_back_after_the_machine_was_restarted(machine: Machine) -> None:
    live = machine.live()
    engine.docker("restart", machine.name)
    deadline = time.monotonic() + 90
    while True:
        try:
            assert machine.live() == live
            break
        except (OSError, KeyError, json.JSONDecodeError):
            assert time.monotonic() < deadline, machine.root("systemctl", "--failed")
            time.sleep(0.5)

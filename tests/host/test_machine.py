"""The whole way: a machine of its own, prepared by prepare-host.sh, deployed to by deploy.sh over SSH, without root."""

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.host.conftest import SITE
from tests.host.machine import Machine, fresh_machine, with_ssh  # noqa: F401 (a fixture)
from tests.services.repository import add
from tests.support import engine, step
from tests.support.render import TEMPLATE, document, render
from tests.support.run import figures

pytestmark = pytest.mark.engine


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


def test_updates_take_effect_in_the_window(machine: Machine) -> None:
    """A rootless Docker is nobody's to restart; a kernel's update waits for a reboot."""
    settings = machine.root("apt-config", "dump")
    for line in ('Automatic-Reboot "true";', 'Automatic-Reboot-Time "04:30";'):
        assert f"Unattended-Upgrade::{line}" in settings
    calendar = machine.root("systemctl", "show", "docker-rootless-update.timer", "--property=TimersCalendar")
    assert "OnCalendar=*-*-* 04:30:00" in calendar
    before = machine.root("pidof", "dockerd").strip()
    machine.root("systemctl", "start", "docker-rootless-update.service")
    assert machine.root("pidof", "dockerd").strip() == before, "nothing was updated"
    machine.root("sh", "-c", "cd /usr/sbin && cp --archive dockerd dockerd.new && mv dockerd.new dockerd")
    machine.root("systemctl", "start", "docker-rootless-update.service")
    assert machine.root("pidof", "dockerd").strip() != before


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


def test_each_service_of_a_shared_host_keeps_its_keys(machine: Machine, plain_template: Path, tmp_path: Path) -> None:
    """What one prepares, locks no other out; a key of both is no line too many."""
    keys = {name: tmp_path / f"{name}.key" for name in ("orders", "payments", "admin")}
    for key in keys.values():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "a key", "-f", key], check=True)
    authorized = "/home/deploy/.ssh/authorized_keys"
    machine.root("cp", "--archive", authorized, f"{authorized}.before")
    try:
        for name in ("orders", "payments"):
            add(plain_template, tmp_path, name, orchestrator="compose", shared_host=True)
            both = "".join(Path(f"{keys[key]}.pub").read_text() for key in (name, "admin"))
            (tmp_path / "both.pub").write_text(both)
            engine.docker("cp", str(tmp_path / "both.pub"), f"{machine.name}:/root/both.pub")
            script = tmp_path / f"services/{name}/deploy/compose/prepare-host.sh"
            engine.docker("cp", str(script), f"{machine.name}:/root/prepare-{name}.sh")
            machine.root(f"/root/prepare-{name}.sh", "/root/both.pub")
        assert len(machine.root("cat", authorized).splitlines()) == 3
        destination = machine.environment["DEPLOY_HOST"]
        for key in keys.values():
            own = ("-i", str(key), "-o", "IdentitiesOnly=yes")
            assert ssh(machine, *own, destination, "id -un").stdout == "deploy\n"
            here = ssh(machine, *own, "-W", "127.0.0.1:25001", destination).stderr
            assert "Connection refused" in here, "a version that is tested would answer"
            elsewhere = ssh(machine, *own, "-W", "192.0.2.1:443", destination).stderr
            assert "administratively prohibited" in elsewhere
    finally:
        machine.root("mv", f"{authorized}.before", authorized)
        machine.root("rm", "-r", "/etc/ssh/deploy-keys", "/root/prepare-orders.sh", "/root/prepare-payments.sh")


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


def test_the_login_of_a_credential_store_reaches_the_host(machine: Machine, tmp_path: Path) -> None:
    """Where Docker Desktop keeps it: https://docs.docker.com/reference/cli/docker/login/#credential-stores."""
    name, login = next(iter(json.loads(machine.registry.login)["auths"].items()))
    user, _, secret = base64.b64decode(login["auth"]).decode().partition(":")
    helper = tmp_path / "docker-credential-safe"
    answer = json.dumps({"ServerURL": name, "Username": user, "Secret": secret})
    helper.write_text(f"#!/bin/sh\n[ \"$1 $(cat)\" = 'get {name}' ] && echo '{answer}'\n")
    helper.chmod(0o755)
    (tmp_path / "config.json").write_text(json.dumps({"auths": {name: {}}, "credsStore": "safe"}))
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    machine.deployed("five", DOCKER_CONFIG=str(tmp_path), PATH=path)
    assert machine.live() == "five"
    machine.deployed("two")


def test_a_secret_is_given_as_the_page_says(machine: Machine) -> None:
    path = machine.project / ".secrets/api_key"
    path.write_text("4711")
    folder = Path(machine.environment["SSH_FOLDER"])
    mine = with_ssh(folder.parent, f"-i {folder}/key -o UserKnownHostsFile={folder}/known_hosts")
    result = document.run(machine.project, document.shell(machine.project, "Settings", {}), machine.environment | mine)
    assert result.returncode == 0, result.stderr
    page = document.blocks((machine.project / document.DEPLOY).read_text())
    (own,) = (yaml.safe_load(one.text) for one in page if (one.heading, one.language) == ("Settings", "yaml"))
    override = machine.project / "deploy/compose/compose.own.yaml"
    before = override.read_text()
    added = before
    for slot, changes in own["services"].items():
        assert f"  {slot}:\n" in before
        added = added.replace(f"  {slot}:\n", f"  {slot}:\n{textwrap.indent(yaml.safe_dump(changes), ' ' * 4)}")
    override.write_text(added + yaml.safe_dump({"secrets": own["secrets"]}))
    try:
        machine.deployed("one")
        live = machine.deploy("docker inspect $(docker compose ps --quiet $(cat slots/live))")
        (container,) = json.loads(live)
        assert "API_KEY_FILE=/run/secrets/api_key" in container["Config"]["Env"]
        assert "/run/secrets/api_key" in [mount["Destination"] for mount in container["Mounts"]]
        assert machine.deploy("stat --format='%a %n' secrets secrets/api_key").split() == [
            "700", "secrets", "644", "secrets/api_key",
        ]  # fmt: skip
    finally:
        override.write_text(before)
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
    machine.restart()
    deadline = time.monotonic() + 90
    while True:
        try:
            assert machine.live() == live
            break
        except (OSError, KeyError, json.JSONDecodeError):
            assert time.monotonic() < deadline, machine.root("systemctl", "--failed")
            time.sleep(0.5)


# In the place of AWS and its plugin: leads to the machine's own port.
SESSION = """#!{python} -IS
import os, select, socket, sys
assert sys.argv[1:] == {arguments!r}, sys.argv
with socket.create_connection(({address!r}, 22)) as machine:
    leads = {{0: machine.fileno(), machine.fileno(): 1}}
    while True:
        for end in select.select(list(leads), [], [])[0]:
            data = os.read(end, 65536)
            if not data:
                sys.exit()
            while data:
                data = data[os.write(leads[end], data):]
"""


@pytest.fixture(scope="module")
def on_aws(machine: Machine, plain_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same service, rendered for a machine on AWS."""
    kept = yaml.safe_load((machine.project / ".copier-answers.yml").read_text())
    answers = {name: answer for name, answer in kept.items() if name in TEMPLATE.questions()}
    project = render(plain_template, tmp_path_factory.mktemp("aws") / machine.name, **answers | {"host_machine": "aws"})
    shutil.copy(machine.project / "deploy/compose/compose.own.yaml", project / "deploy/compose")
    return project


def test_a_deployment_goes_through_systems_manager(machine: Machine, on_aws: Path, tmp_path: Path) -> None:
    """As to a machine on AWS, which has no port for SSH: `aws ssm start-session` carries it, and nothing else does."""
    name = "i-0123456789abcdef0"
    arguments = ["ssm", "start-session", "--region", "us-east-1", "--target", name]
    arguments += ["--document-name", "AWS-StartSSHSession", "--parameters", "portNumber=22"]
    (tmp_path / "aws").write_text(SESSION.format(python=sys.executable, arguments=arguments, address=machine.address))
    (tmp_path / "aws").chmod(0o755)
    folder = Path(shutil.copytree(machine.environment["SSH_FOLDER"], tmp_path / "ssh"))
    (folder / "known_hosts").write_text(
        f"{name} {machine.root('cut', '-d ', '-f1,2', '/etc/ssh/ssh_host_ed25519_key.pub')}\n"
    )
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    reached = {"DEPLOY_HOST": f"deploy@{name}", "SSH_FOLDER": str(folder), "PATH": path}
    version = "one" if machine.live() == "two" else "two"
    result = subprocess.run(
        ["deploy/compose/deploy.sh", "production", machine.image(version)], cwd=on_aws,
        env=machine.environment | reached, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert machine.live() == version

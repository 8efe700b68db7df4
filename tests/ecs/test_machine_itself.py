"""What a machine on AWS runs by itself: its user data, on a disk that comes late, and the metrics for its alarms."""

import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from shipshape.template import Answers

from tests.ecs.test_machine_rules import Stacks
from tests.support.aws.cloud import Cloud
from tests.support.render.answers import MACHINES

EXT4 = b"\x53\xef"  # at 0x438: https://docs.kernel.org/filesystems/ext4/globals.html


def program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)


class Start:
    """A first start: the script itself, with folders of its own, and mkfs; what needs root is written down."""

    def __init__(self, project: Path, folder: Path) -> None:
        self.folder, self.bin = folder, folder / "bin"
        for name in ("bin", "by-id", "etc", "home"):
            (folder / name).mkdir()
        for name in ("subuid", "subgid"):
            (folder / "etc" / name).write_text("ubuntu:100000:65536\ndeploy:165536:65536\n")
        self.disk = folder / "by-id/nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0"
        for name in ("mount", "useradd", "chown"):
            program(self.bin, name, f'echo "{name} $*" >>{folder}/done; [[ {name} != mount || -e {self.disk} ]]')
        program(self.bin, "sleep", "true")
        self.script = Stacks(project, "staging").user_data.replace("orders-api-staging-data", "vol-0123456789abcdef0")
        for there, here in {"/dev/disk": "", "/home": "/home", "/etc/": "/etc/"}.items():
            assert there in self.script
            self.script = self.script.replace(there, f"{folder}{here}")
        self.script = self.script.replace("-b $disk", "-f $disk")

    def run(self) -> int:
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}{os.pathsep}/usr/sbin"
        command = ["bash", "-c", self.script]
        return subprocess.run(command, env={"PATH": path}, capture_output=True, check=False, timeout=60).returncode

    @property
    def done(self) -> list[str]:
        return [line.split()[0] for line in (self.folder / "done").read_text().splitlines()]


@pytest.fixture
def start(rendered: Callable[[Answers], Path], tmp_path: Path) -> Start:
    return Start(rendered(MACHINES[0]), tmp_path)


def test_a_new_volume_that_comes_late_is_formatted_and_mounted(start: Start) -> None:
    program(start.bin, "sleep", f"truncate --size 16M {start.disk}")
    assert start.run() == 0
    assert start.disk.read_bytes()[0x438:0x43A] == EXT4
    (line,) = (start.folder / "etc/fstab").read_text().splitlines()
    assert line.split() == [str(start.disk), f"{start.folder}/home/deploy", "ext4", "defaults,nofail", "0", "2"]
    assert start.done == ["mount", "useradd", "chown"]
    for name in ("subuid", "subgid"):  # the same numbers on any machine that gets the volume
        ids = (start.folder / "etc" / name).read_text()
        assert ids == "ubuntu:100000:65536\ndeploy:200000:65536\n"


@pytest.mark.parametrize("place", [0x438, 512, 1_000_000], ids=["a file system", "a partition table", "anything"])
def test_a_volume_that_holds_something_is_never_formatted(start: Start, place: int) -> None:
    content = bytearray(2**24)
    content[place : place + 2] = EXT4
    start.disk.write_bytes(content)
    assert start.run() == 0
    assert start.disk.read_bytes() == content


def test_a_volume_that_does_not_come_fails_the_start(start: Start) -> None:
    assert start.run() != 0
    assert start.done == ["mount"], "no user, so nothing is deployed onto the disk of the system"
    assert not start.disk.exists()


class Metadata:
    """The metadata service, version 2: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html."""

    def __init__(self) -> None:
        answers = {
            "placement/region": "us-east-1",
            "iam/security-credentials/": "orders-api-staging-machine",
            "iam/security-credentials/orders-api-staging-machine": json.dumps(
                {"Code": "Success", "AccessKeyId": "testing", "SecretAccessKey": "a/b+c", "Token": "t=="}, indent=2
            ),
        }

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                assert self.path == "/latest/api/token"
                assert 0 < int(self.headers["X-aws-ec2-metadata-token-ttl-seconds"]) <= 300
                self.say(200, "secret-token")

            def do_GET(self) -> None:
                known = answers.get(self.path.removeprefix("/latest/meta-data/"))
                allowed = self.headers["X-aws-ec2-metadata-token"] == "secret-token"
                self.say(401 if not allowed else 404 if known is None else 200, known or "")

            def say(self, code: int, text: str) -> None:
                self.send_response(code)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def metadata() -> Iterator[Metadata]:
    service = Metadata()
    yield service
    service.server.shutdown()
    service.server.server_close()


def told(project: Path, cloud: Cloud, metadata: Metadata, folder: Path, *, mounted: bool = True) -> int:
    """Run what prepare-host.sh installs; its disks and units are stand-ins."""
    text = (project / "deploy/compose/prepare-host.sh").read_text()
    (script,) = re.findall(r"orders-api-metrics <<'SCRIPT'\n(.*?)^SCRIPT$", text, re.DOTALL | re.MULTILINE)
    program(folder, "mountpoint", f"exit {0 if mounted else 32}")
    program(folder, "df", 'printf "Use%%\\n 9%%\\n 83%%\\n"')
    program(folder, "systemctl", 'echo "orders-api-backup.service loaded failed failed Backup"')
    # what others can read of this machine's processes, while they run
    program(folder, "curl", f'echo "$*" >>{folder}/arguments; exec /usr/bin/curl "$@"')
    environment = {
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.address,
        "AWS_ENDPOINT_URL_CLOUDWATCH": cloud.environment["AWS_ENDPOINT_URL"],
    }
    result = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert not result.stdout + result.stderr or result.returncode, result.stderr
    return result.returncode


def test_the_machine_tells_what_its_alarms_watch(
    rendered: Callable[[Answers], Path], cloud: Cloud, metadata: Metadata, tmp_path: Path
) -> None:
    project = rendered(MACHINES[0])
    assert told(project, cloud, metadata, tmp_path) == 0
    assert [call.action for call in cloud.calls] == ["cloudwatch:PutMetricData"]
    stacks = Stacks(project, "staging")
    watch = cloud.client("cloudwatch")
    for alarm, value in (("DiskAlarm", 83), ("UnitsAlarm", 1)):
        name = stacks[alarm]["MetricName"]
        assert stacks[alarm]["Namespace"] == "orders-api-staging"
        assert "Dimensions" not in stacks[alarm]
        query = {"Namespace": "orders-api-staging", "MetricName": name, "Period": 300, "Statistics": ["Maximum"]}
        points = watch.get_metric_statistics(StartTime="2020-01-01", EndTime="2099-01-01", **query)["Datapoints"]
        assert [point["Maximum"] for point in points] == [value], name
    allowed = [one for one in stacks.statements("InstanceRole") if one["Action"] == "cloudwatch:PutMetricData"]
    assert [one["Condition"] for one in allowed] == [{"StringEquals": {"cloudwatch:namespace": "orders-api-staging"}}]
    arguments = (tmp_path / "arguments").read_text()
    for secret in ("secret-token", "a/b+c", "t=="):
        assert secret not in arguments


def test_a_machine_without_its_data_tells_nothing(
    rendered: Callable[[Answers], Path], cloud: Cloud, metadata: Metadata, tmp_path: Path
) -> None:
    assert told(rendered(MACHINES[0]), cloud, metadata, tmp_path, mounted=False) != 0
    assert cloud.calls == []


@pytest.mark.parametrize(("environment", "region"), [("staging", "us-east-1"), ("production", "eu-west-1")])
def test_ssh_goes_through_systems_manager_of_its_region(
    rendered: Callable[[Answers], Path], tmp_path: Path, environment: str, region: str
) -> None:
    """https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-getting-started-enable-ssh-connections.html."""
    program(tmp_path, "ssh", f'printf "%s\\n" "$@" >>{tmp_path}/arguments; exit 255')
    result = deployed(rendered(MACHINES[1]), environment, tmp_path, "deploy@i-0123456789abcdef0")
    assert result.returncode == 1
    assert (
        f"ProxyCommand=aws ssm start-session --region {region} --target %h"
        " --document-name AWS-StartSSHSession --parameters portNumber=%p"
    ) in (tmp_path / "arguments").read_text().splitlines()


@pytest.mark.parametrize("host", ["", "deploy@203.0.113.7", "i-0123456789abcdef0", "deploy@i-0123 -o ProxyCommand=x"])
def test_what_is_no_machine_of_aws_is_not_deployed_to(
    rendered: Callable[[Answers], Path], tmp_path: Path, host: str
) -> None:
    program(tmp_path, "ssh", f"touch {tmp_path}/called")
    result = deployed(rendered(MACHINES[1]), "staging", tmp_path, host)
    assert (result.returncode, result.stderr) == (
        2, "deploy: name the machine, as setup.sh has done: DEPLOY_HOST=deploy@i-…\n",
    )  # fmt: skip
    assert not (tmp_path / "called").exists()


def deployed(project: Path, environment: str, folder: Path, host: str) -> subprocess.CompletedProcess[str]:
    image = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/orders-api@sha256:{'a' * 64}"
    own = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "DEPLOY_HOST": host}
    command: list[str | Path] = [project / "deploy/compose/deploy.sh", environment, image]
    return subprocess.run(command, env=own, cwd=folder, capture_output=True, text=True, check=False, timeout=60)

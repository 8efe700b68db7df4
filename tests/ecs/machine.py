"""A machine of EC2 for Compose, in an account that moto plays: a rendering with its parameters, and its scripts."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shipshape.template import Answers

from tests.ecs.conftest import Service, World
from tests.support.aws.cloud import Cloud
from tests.support.aws.policies import IDS
from tests.support.render.answers import MACHINES

NAME = "orders-api-staging"


class Place(World):
    """The same as of ECS, with the scripts of deploy/compose."""

    folder = "deploy/compose"
    key: Path

    def setup(self, script: str = "setup.sh", *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(script, "staging", *arguments, str(self.key))

    def change(self, environment: str = "staging", **values: str) -> None:
        path = self.project / f"deploy/compose/parameters/{environment}.json"
        content = json.loads(path.read_text())
        path.write_text(json.dumps({"Parameters": content["Parameters"] | values}))

    def machine(self) -> dict[str, Any]:
        """The one that runs, as EC2 describes it."""
        pages = self.client("ec2").describe_instances(Filters=[{"Name": "instance-state-name", "Values": ["running"]}])
        (machine,) = [one for page in pages["Reservations"] for one in page["Instances"]]
        found: dict[str, Any] = machine
        return found

    def output(self, stack: str, name: str) -> str:
        (one,) = self.client("cloudformation").describe_stacks(StackName=f"{NAME}-{stack}")["Stacks"]
        return str({row["OutputKey"]: row["OutputValue"] for row in one["Outputs"]}[name])


@pytest.fixture
def place(rendered: Callable[[Answers], Path], cloud: Cloud, aws: Path, waiters: Path, tmp_path: Path) -> Place:
    project = tmp_path / "orders-api"
    shutil.copytree(rendered(MACHINES[0]), project)
    place = Place(project, cloud, Service(), tmp_path, aws, waiters)
    subnet = place.client("ec2").describe_subnets()["Subnets"][0]
    for environment in ("staging", "production"):
        place.change(environment, VpcId=subnet["VpcId"], SubnetId=subnet["SubnetId"], **IDS)
    place.key = tmp_path / "staging.pub"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "staging"], check=True)
    cloud.calls.clear()
    return place

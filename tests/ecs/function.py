"""A function of Lambda in an account that moto plays: a rendering with its parameters, and its scripts."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.ecs.conftest import SECRETS, Service, World
from tests.support.aws.cloud import Cloud
from tests.support.aws.functions import Function
from tests.support.aws.policies import IDS
from tests.support.render.answers import LAMBDA

NAME = "orders-api-staging"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/orders-api"
SETUP = ("bootstrap", "entry", "queue", "alarms")


def digest(letter: str) -> str:
    return f"{IMAGE}@sha256:{letter * 64}"


class Place(World):
    """The same as of ECS, with the scripts of deploy/lambda."""

    folder = "deploy/lambda"

    def function(self, name: str = NAME) -> Function:
        return self.cloud.functions.functions[name]

    def takes_messages(self) -> str:
        """The image that does."""
        return str(self.function(f"{NAME}-events").latest["Code"]["ImageUri"])

    def live(self) -> str:
        """The image that has the traffic."""
        function = self.function()
        return str(function.versions[function.aliases["live"]]["Code"]["ImageUri"])

    def change(self, environment: str = "staging", **values: str) -> None:
        path = self.project / f"deploy/lambda/parameters/{environment}.json"
        content = json.loads(path.read_text())
        path.write_text(json.dumps({"Parameters": content["Parameters"] | values}))


@pytest.fixture
def place_of(  # noqa: PLR0913, PLR0917 - what a place is made of
    rendered: Callable[[Answers], Path],
    cloud: Cloud,
    service: tuple[Service, Path],
    aws: Path,
    waiters: Path,
    tmp_path: Path,
) -> Callable[..., Place]:
    def make(strategy: str = "rolling", **more: str) -> Place:
        project = tmp_path / "orders-api"
        shutil.copytree(rendered(LAMBDA[0] | {"deployment_strategy": strategy} | more), project)
        place = Place(project, cloud, *service, aws, waiters)
        ec2 = place.client("ec2")
        subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]]
        network = {"VpcId": ec2.describe_vpcs()["Vpcs"][0]["VpcId"], "PrivateSubnetIds": ",".join(subnets[:2])}
        certificate = place.client("acm").request_certificate(DomainName="orders-api.example.com")["CertificateArn"]
        for environment in ("staging", "production"):
            place.change(environment, CertificateArn=certificate, **IDS)
            known = {n: v for n, v in (network | SECRETS).items() if n in place.parameters(environment)}
            place.change(environment, **known)
        cloud.calls.clear()
        return place

    return make

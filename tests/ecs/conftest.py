"""An account as moto plays it, and a service's scripts that work in it."""

import json
import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from shipshape.template import Answers

from tests.support.aws import stacks
from tests.support.aws.cloud import Cloud
from tests.support.aws.command import quick_aws, quick_waiters
from tests.support.aws.policies import IDS
from tests.support.render.answers import strategies

IMAGE = "ghcr.io/octo-org/shop/orders-api"
SECRETS = {
    "DatabaseUrl": "postgresql://app@db:5432/app",
    "DatabaseSecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:app-AbCdEf",
    "DatabaseOwnerUrl": "postgresql://owner@db:5432/app",
    "DatabaseOwnerSecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:owner-AbCdEf",
    "CacheUrl": "rediss://app@cache:6379",
    "CacheSecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:cache-AbCdEf",
    "RegistrySecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:registry-AbCdEf",
}
NAMES = ("orders-api.example.com", "*.orders-api.example.com", "*.lambda-url.us-east-1.on.aws")


def digest(letter: str) -> str:
    return f"{IMAGE}@sha256:{letter * 64}"


@dataclass
class Service:
    """What stands where the host name leads: moto runs no container. `well` says what it answers on /readyz."""

    well: bool = True
    asked: list[str] = field(default_factory=list)
    on_ask: Callable[[], None] = lambda: None


@dataclass
class World:
    folder: ClassVar[str] = "deploy/ecs"  # which has its scripts
    project: Path
    cloud: Cloud
    service: Service
    home: Path
    aws: Path  # a folder with the aws command
    waiters: Path

    def run(self, script: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.project / self.folder / script, *arguments], cwd=self.project,
            env=self.environment | settings, capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        settings = {"CURL_HOME": str(self.home), "POLL_SECONDS": "0.2", "WATCH_SECONDS": "0", "CANARY_SECONDS": "0"}
        path = f"{self.aws}{os.pathsep}{os.environ['PATH']}"
        return self.cloud.environment | settings | {"PATH": path, "AWS_DATA_PATH": str(self.waiters)}

    def client(self, service: str) -> Any:
        return self.cloud.client(service)

    def parameters(self, environment: str = "staging") -> dict[str, str]:
        content: dict[str, dict[str, str]] = json.loads(
            (self.project / f"{self.folder}/parameters/{environment}.json").read_text()
        )
        return content["Parameters"]

    def make(self, *stacks: str, environment: str = "staging", **more: str) -> None:
        """Make these stacks without a script: quicker, where the script is not what is tried."""
        cloudformation = self.client("cloudformation")
        for name in stacks:
            body = (self.project / f"{self.folder}/{name}.yml").read_text()
            declared = cloudformation.get_template_summary(TemplateBody=body)["Parameters"]
            given = self.parameters(environment) | more
            cloudformation.create_stack(
                StackName=f"orders-api-{environment}-{name}",
                TemplateBody=body,
                Capabilities=["CAPABILITY_NAMED_IAM"],
                Parameters=[
                    {"ParameterKey": key, "ParameterValue": given[key]}
                    for key in (one["ParameterKey"] for one in declared)
                    if key in given
                ],
            )
        self.cloud.calls.clear()

    def image(self, environment: str = "staging") -> str:
        """What the stack says that the environment runs, compared with what the task definition says."""
        (stack,) = self.client("cloudformation").describe_stacks(StackName=f"orders-api-{environment}-service")[
            "Stacks"
        ]
        (image,) = [p["ParameterValue"] for p in stack["Parameters"] if p["ParameterKey"] == "Image"]
        ecs = self.client("ecs")
        (service,) = ecs.describe_services(cluster=f"orders-api-{environment}", services=["orders-api"])["services"]
        task = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
        assert task["containerDefinitions"][0]["image"] == image
        return str(image)


@pytest.fixture(scope="session")
def _cloud() -> Iterator[Cloud]:
    from tests.support.aws import resources  # noqa: PLC0415 - moto takes seconds, which other tests need not wait

    cloud = Cloud()
    resources.endpoint = cloud.environment["AWS_ENDPOINT_URL"]
    resources.register()
    yield cloud
    cloud.stop()


@pytest.fixture
def cloud(_cloud: Cloud) -> Cloud:
    _cloud.reset()
    stacks.sent.clear()
    stacks.endings.clear()
    return _cloud


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=orders-api", "-addext", f"subjectAltName={','.join(f'DNS:{name}' for name in NAMES)}",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


@pytest.fixture
def service(certificate: Path, tmp_path: Path) -> Iterator[tuple[Service, Path]]:
    """The service, and a folder with curl's settings that lead both host names to it, on both ports."""
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            service.asked.append(f"{self.headers['Host']}{self.path}")
            service.on_ask()
            code, body = {
                "/healthz": (200, b'{"status": "ok"}'),
                "/readyz": (200, b'{"status": "ready"}') if service.well else (503, b"{}"),
            }.get(self.path, (404, b"{}"))
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    home = tmp_path / "home"
    home.mkdir()
    lines = [f'cacert = "{certificate / "cert.pem"}"', "retry-max-time = 1"]
    for port in (443, 8443):
        lines.append(f'connect-to = ":{port}:127.0.0.1:{server.server_port}"')
    (home / ".curlrc").write_text("\n".join(lines) + "\n")
    yield service, home
    server.shutdown()
    server.server_close()
    thread.join()


def answers(strategy: str = "rolling", registry: str = "ghcr", language: str = "python", **more: Any) -> Answers:
    return {
        "language": language, "registry": registry, "orchestrator": "ecs", "deployment_strategy": strategy,
        "production_host": "orders-api.example.com", **more,
    }  # fmt: skip


@pytest.fixture(scope="session")
def waiters(once: Callable[..., Path]) -> Path:
    return once("waiters", quick_waiters)


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with quick_aws(tmp_path_factory.mktemp("aws")) as folder:
        yield folder


@pytest.fixture
def world_of(  # noqa: PLR0913, PLR0917 - what a world is made of
    rendered: Callable[[Answers], Path],
    cloud: Cloud,
    service: tuple[Service, Path],
    aws: Path,
    waiters: Path,
    tmp_path: Path,
) -> Callable[..., World]:
    def make(**choices: Any) -> World:
        """A rendering whose parameters name a network that exists."""
        project = tmp_path / "orders-api"
        shutil.copytree(rendered(answers(**choices)), project)
        world = World(project, cloud, *service, aws, waiters)
        ec2 = world.client("ec2")
        certificate = world.client("acm").request_certificate(DomainName="orders-api.example.com")
        vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]]
        for path in (project / "deploy/ecs/parameters").iterdir():
            content = json.loads(path.read_text())
            content["Parameters"] |= IDS | {
                "VpcId": vpc, "PublicSubnetIds": ",".join(subnets[:2]), "PrivateSubnetIds": ",".join(subnets[2:4]),
                "CertificateArn": certificate["CertificateArn"],
            }  # fmt: skip
            content["Parameters"] |= {name: arn for name, arn in SECRETS.items() if name in content["Parameters"]}
            path.write_text(json.dumps(content))
        cloud.calls.clear()
        return world

    return make


SETUP = ("bootstrap", "load-balancer", "alarms")
STRATEGIES = strategies()
PLAIN = strategies(every=False)  # the others have the files of one of these, but for what differs

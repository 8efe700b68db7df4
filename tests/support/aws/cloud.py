"""AWS as moto plays it, behind HTTP, for the real scripts and the real aws command; every call is written down."""

import atexit
import json
import os
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import parse_qs
from urllib.request import Request, urlopen
from wsgiref.types import StartResponse, WSGIEnvironment

import boto3
import yaml
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from tests.support.aws import stacks

ACCOUNT, REGION = "123456789012", "us-east-1"
HANDLED_HERE = ("ListServiceDeployments", "DescribeServiceDeployments", "ContinueServiceDeployment")
OF_AGENT = ("GetParameter", "SendCommand", "GetCommandInvocation")
MACHINE_IMAGE = "ami-04681a1dbd79675a5"  # one that moto knows
OF_TASKS = ("RunTask", "DescribeTasks", "ListTasks", "StopTask", "GetLogEvents")
# Where a signature's name for a service is not the one that IAM uses.
IAM_NAMES = {"monitoring": "cloudwatch"}


def _without_nothing(clean: Callable[..., Any]) -> Callable[..., Any]:
    """AWS::NoValue in a list leaves nothing, as AWS says, where moto leaves a null.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html
    """

    def cleaned(value: Any, resources: Any) -> Any:
        if isinstance(value, list):
            return [item for item in (cleaned(one, resources) for one in value) if item is not None]
        return clean(value, resources)

    return cleaned


def _kept(delete: Callable[[Any], None]) -> Callable[[Any], None]:
    """A stack that goes leaves what it is to keep, also by the policy that is younger than moto's knowledge.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
    """

    def deleted(resources: Any) -> None:
        for resource in resources._resource_json_map.values():
            if resource.get("DeletionPolicy") == "RetainExceptOnCreate":
                resource["DeletionPolicy"] = "Retain"
        delete(resources)

    return deleted


def _spare_moto() -> None:
    """Leave out, before moto is loaded, much of its time: 1,300 machine images, a YAML parser in Python."""
    from moto.cloudformation.utils import yaml_tag_constructor  # noqa: PLC0415 - takes seconds
    from moto.utilities.utils import load_resource  # noqa: PLC0415

    images = load_resource("ec2/resources/amis.json")
    with NamedTemporaryFile("w", suffix=".json", delete=False) as file:
        json.dump([image for image in images if image["ami_id"] == MACHINE_IMAGE], file)
    atexit.register(Path(file.name).unlink)
    os.environ["MOTO_AMIS_PATH"] = file.name

    class Loader(yaml.CLoader):
        """Takes CloudFormation's short forms, such as !Ref."""

    Loader.add_multi_constructor("", yaml_tag_constructor)
    yaml.Loader = Loader  # type: ignore[assignment, misc]


@dataclass(frozen=True)
class Call:
    """One request to AWS: `cloudformation:CreateChangeSet`, what was sent, as text, and to which region."""

    action: str
    body: str
    region: str = REGION


@dataclass
class Deployments:
    """ECS's blue/green deployments, which moto does not know: whether one waits at its hook, and the answers it got.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/pause-lifecycle-hooks.html
    """

    waits: bool = False
    answers: list[str] = field(default_factory=list)
    answered: threading.Event = field(default_factory=threading.Event)

    def handle(self, operation: str, body: str) -> dict[str, Any]:
        arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service-deployment/orders-api-staging/orders-api/1"
        if operation == "ListServiceDeployments":
            return {"serviceDeployments": [{"serviceDeploymentArn": arn}] if self.waits else []}
        if operation == "DescribeServiceDeployments":
            hook = {"hookId": "ecs-pause-1", "targetType": "PAUSE", "status": "AWAITING_ACTION"}
            return {"serviceDeployments": [{"serviceDeploymentArn": arn, "lifecycleHookDetails": [hook]}]}
        self.answers.append(json.loads(body)["action"])
        self.waits = False
        self.answered.set()
        return {"serviceDeploymentArn": arn}


@dataclass
class Tasks:
    """Tasks that run once, which moto starts but never ends: what they were started with, and how they end.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/standalone-task-create.html
    """

    exit_code: int | None = 0  # `None` while they run
    log: list[str] = field(default_factory=list)
    failure: str = ""  # why none is started
    started: list[dict[str, Any]] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)

    def handle(self, operation: str, body: str) -> dict[str, Any]:
        asked: dict[str, Any] = json.loads(body)
        if operation == "RunTask":
            if self.failure:
                return {"tasks": [], "failures": [{"arn": "", "reason": self.failure}]}
            self.started.append(asked)
            return {"tasks": [{"taskArn": self.arn(len(self.started))}], "failures": []}
        if operation == "ListTasks":
            running = self.exit_code is None and self.started and not self.stopped
            return {"taskArns": [self.arn(len(self.started))] if running else []}
        if operation == "StopTask":
            self.stopped.append(asked["task"])
            return {}
        if operation == "GetLogEvents":
            name = asked["logGroupName"].partition("staging-")[2]  # of the stack, of its container, and of its logs
            assert asked["logStreamName"] == f"{name}/{name}/{len(self.started)}"
            return {"events": [{"message": line} for line in self.log]}
        code = 137 if self.stopped else self.exit_code
        return {
            "tasks": [
                {
                    "lastStatus": "RUNNING" if code is None else "STOPPED",
                    "stoppedReason": "Essential container in task exited",
                    "containers": [{"exitCode": code}],
                }
            ]
        }

    @staticmethod
    def arn(number: int) -> str:
        return f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/orders-api-staging-migrate/{number}"


class Quiet(WSGIRequestHandler):
    """Logs nothing."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


class Cloud:
    """A server on loopback; `environment` leads the aws command and boto3 to it."""

    def __init__(self) -> None:
        _spare_moto()
        from moto.cloudformation import parsing  # noqa: PLC0415
        from moto.moto_server.werkzeug_app import (  # noqa: PLC0415
            DomainDispatcherApplication,
            create_backend_app,
        )

        from tests.support.aws import functions  # noqa: PLC0415
        from tests.support.aws.machines import Agent  # noqa: PLC0415

        parsing.clean_json = _without_nothing(parsing.clean_json)
        parsing.ResourceMap.delete = _kept(parsing.ResourceMap.delete)  # type: ignore[assignment, method-assign]
        self._new_agent, self.agent = Agent, Agent()
        self._functions, self.functions = functions, functions.account
        self.calls: list[Call] = []
        self.deployments, self.tasks = Deployments(), Tasks()
        self._held = ""
        self._clients: dict[str, Any] = {}
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server: BaseWSGIServer = make_server("127.0.0.1", 0, self, threaded=True, request_handler=Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return kept | {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._server.server_port}",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def client(self, service: str) -> Any:
        """A client of boto3's for a service, such as `ecs`; made once, which takes a while."""
        if service not in self._clients:
            keys = dict.fromkeys(("aws_access_key_id", "aws_secret_access_key"), "testing")
            url = self.environment["AWS_ENDPOINT_URL"]
            self._clients[service] = boto3.client(service, REGION, endpoint_url=url, **keys)  # type: ignore[call-overload]
        return self._clients[service]

    def reset(self) -> None:
        request = Request(f"{self.environment['AWS_ENDPOINT_URL']}/moto-api/reset", method="POST")
        urlopen(request, timeout=30).close()
        self.calls.clear()
        self.deployments, self.tasks, self.agent = Deployments(), Tasks(), self._new_agent()
        self.functions = self._functions.reset()
        self._held = ""

    def hold_for(self, stack: str) -> None:
        """Let the next change of this stack last until the deployment in it got an answer."""
        self._held = stack

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        operation = operation_of(environ, body)
        scope = re.search(r"Credential=testing/\d+/([\w-]+)/([\w-]+)/", environ.get("HTTP_AUTHORIZATION", ""))
        if scope and scope[2] == "lambda":
            operation = self._functions.operation_of(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        if scope and operation:
            service = IAM_NAMES.get(scope[2], scope[2])
            self.calls.append(Call(f"{service}:{operation}", body.decode(errors="replace"), scope[1]))
        if scope and scope[2] == "lambda":
            query = parse_qs(environ["QUERY_STRING"])
            code, said = self.functions.handle(operation, environ["PATH_INFO"], query, body.decode())
            start(f"{code} ", [("Content-Type", "application/json"), ("x-amzn-ErrorType", said.get("__type", ""))])
            return [json.dumps(said).encode()]
        if operation in OF_AGENT:
            code, said = self.agent.handle(operation, body.decode())
            start(f"{code} ", [("Content-Type", "application/x-amz-json-1.1")])
            return [json.dumps(said).encode()]
        if operation in HANDLED_HERE + OF_TASKS:
            player = self.tasks if operation in OF_TASKS else self.deployments
            answer = json.dumps(player.handle(operation, body.decode())).encode()
            start("200 OK", [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(answer)))])
            return [answer]
        if operation == "CancelUpdateStack":  # which moto does not know
            stacks.set_status(parse_qs(body.decode())["StackName"][0], "UPDATE_ROLLBACK_COMPLETE")
            start("200 OK", [("Content-Type", "text/xml")])
            return [b"<CancelUpdateStackResponse/>"]
        if operation == "ExecuteChangeSet" and self._held and self._held in body.decode():
            self._held, self.deployments.waits = "", True
            assert self.deployments.answered.wait(60), "nobody answered the deployment that waits"
        answered: Iterable[bytes] = self._moto(environ, start)
        return answered


def operation_of(environ: WSGIEnvironment, body: bytes) -> str:
    """The operation's name, in whichever of AWS's protocols it was asked for; nothing where it is none.

    https://smithy.io/2.0/aws/protocols/index.html
    """
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return str(target).rpartition(".")[2]
    if found := re.search(r"/operation/(\w+)$", environ["PATH_INFO"]):
        return found[1]
    return parse_qs(body.decode(errors="replace")).get("Action", [""])[0]

"""A Kubernetes cluster to test on, and a service deployed to it by its own scripts."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support import engine, step
from tests.support.github import GitHub
from tests.support.paths import ENGINE
from tests.support.render import document

REGISTRY = "127.0.0.1:5000"  # which every registry's name leads to in the cluster
CLUSTER = ENGINE.with_name("cluster")
SECONDS = 120
DATABASE = "db.example.com:5432/app"  # as deploy/README.md has it
CACHE = "rediss://app@cache.example.com:6379"


@cache
def kubeconfig() -> Path:
    """The administrator's kubeconfig of the cluster, which is started if need be; skips where there is none."""
    if not CLUSTER.exists():
        elsewhere = os.environ.get("CI") != "true" or os.environ.get("GITHUB_ACTIONS") == "true"
        (pytest.skip if elsewhere else pytest.fail)("needs the cluster beside the stand-ins")
    exports = subprocess.run([CLUSTER, "env"], check=True, capture_output=True, text=True).stdout
    found = re.search(r"KUBECONFIG=(\S+)", exports)
    assert found, exports
    config = Path(found[1])
    # Not where it is up: `cluster up` writes kube-proxy's configuration anew, at which kube-proxy ends.
    if not is_up(config):
        subprocess.run([CLUSTER, "up"], check=True, capture_output=True, text=True)
        wait_until("kube-proxy", lambda: is_up(config))
    return config


def is_up(config: Path) -> bool:
    try:
        os.kill(int((config.parent / "run/proxy.pid").read_text()), 0)
    except (OSError, ValueError):
        return False
    command = ["kubectl", f"--kubeconfig={config}", "get", "--raw=/readyz"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def enforce_policies() -> None:
    """Let the cluster enforce NetworkPolicy from now on; it has to be built for that once, in minutes."""
    kubeconfig()
    subprocess.run([CLUSTER, "policies"], check=True, capture_output=True, text=True)
    # kube-router reads the whole filter table and writes it back: a rule that Docker adds in between is lost, and
    # the containers of a new network don't reach each other (cloudnativelabs/kube-router#1248). So without a rule,
    # packets are let through.
    subprocess.run(["iptables", "--wait", "--policy", "FORWARD", "ACCEPT"], check=True)


def enforced(namespace: str, pod: str) -> None:
    """Wait until kube-router has rules for a pod: a new one may reach everything for a moment.

    https://kubernetes.io/docs/concepts/services-networking/network-policies/#pod-lifecycle
    """
    comment = f"POD name:{pod} namespace: {namespace}"
    save = ["iptables-save", "--table", "filter"]
    wait_until(
        f"the policies of {pod}",
        lambda: comment in subprocess.run(save, check=True, capture_output=True, text=True).stdout,
    )


def kubectl(*arguments: str, stdin: str = "", check: bool = True, config: Path | None = None) -> str:
    """Run kubectl as administrator, or by another kubeconfig; raises AssertionError with all it printed."""
    result = subprocess.run(
        ["kubectl", *arguments], input=stdin, capture_output=True, text=True, timeout=300, check=False,
        env=os.environ | {"KUBECONFIG": str(config or kubeconfig())},
    )  # fmt: skip
    if check:
        assert result.returncode == 0, f"kubectl {' '.join(arguments)}\n{result.stdout}{result.stderr}"
    return result.stdout if check else result.stdout + result.stderr


def get(namespace: str, *what: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(kubectl("--namespace", namespace, "get", *what, "--output", "json"))
    return found


def wait_until(what: str, condition: Callable[[], object], seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain: {what}"
        time.sleep(0.5)


@dataclass
class Release:
    """A rendered service, its images by version, and the namespaces that it is deployed to."""

    project: Path
    name: str
    repository: str
    base: str
    digests: dict[str, str] = field(default_factory=dict)
    shared: str = ""  # the namespace of several services; else it has one of its own
    prefix: str = ""  # of GitHub's environments, where several services are in one repository

    def namespace(self, environment: str) -> str:
        base = self.shared or self.name
        return base if environment == "production" else f"{base}-{environment}"

    def image(self, version: str, *instructions: str) -> str:
        """The reference of a version, by digest; made of the built image and further instructions, and pushed."""
        if version not in self.digests:
            tag = f"{REGISTRY}/{self.repository.partition('/')[2]}:{version}"
            dockerfile = "\n".join([f"FROM {self.base}", f"ENV VERSION={version}", *instructions])
            subprocess.run(
                ["docker", "build", "--quiet", f"--tag={tag}", "-"],
                input=dockerfile, text=True, check=True, capture_output=True, env=engine.environment(),
            )  # fmt: skip
            pushed = engine.docker("push", tag)
            found = re.search(r"digest: (sha256:[0-9a-f]{64})", pushed)
            assert found, pushed
            self.digests[version] = found[1]
        return f"{self.repository}@{self.digests[version]}"

    def prepare(self, environment: str, database: str, passwords: dict[str, str], cache: str = "") -> None:
        """What deploy/README.md asks of an administrator, command by command, but for database and cache themselves."""
        for role, password in passwords.items():
            path = self.project / f".secrets/staging/{role}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(password)
        self.administer("Cluster", {})
        deployers = ("staging", "production")
        wait_until("the deployers' tokens", lambda: all("token" in self.deployer_secret(each) for each in deployers))
        self.administer("Cluster", {}, block=1)
        if not database:
            return
        namespace = {f"namespace {self.namespace('staging')}": f"namespace {self.namespace(environment)}"}
        self.administer("Secrets", namespace | {DATABASE: database})
        if cache:
            self.administer("Secrets", namespace | {CACHE: cache}, block=1)

    def administer(self, heading: str, values: dict[str, str], block: int = 0) -> str:
        """Run a block of deploy/README.md as an administrator; answers what it printed."""
        settings = self.github.environment | {"KUBECONFIG": str(kubeconfig())}
        result = document.run(self.project, document.shell(self.project, heading, values, block), settings)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def follow(self, heading: str, environment: str, image: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run what stands under a heading of deploy/README.md, as the deployer of the environment."""
        values = {"staging": environment, f"{self.repository}@sha256:…": image}
        given = {"WATCH_SECONDS": "5", "ROLLOUT_SECONDS": "60", "KUBECONFIG": str(self.deployer(environment))}
        return document.run(self.project, document.shell(self.project, heading, values), given | settings)

    def deployer_secret(self, environment: str) -> dict[str, str]:
        data: dict[str, str] = get(self.namespace(environment), "secret", f"{self.name}-deployer-token").get("data", {})
        return data

    def deployer(self, environment: str) -> Path:
        return self.github.path(f"{self.prefix}{environment}", "KUBECONFIG")

    @property
    def github(self) -> GitHub:
        return GitHub(self.project.parent / "github")

    def settings(self, environment: str, config: Path | None = None, **settings: str) -> dict[str, str]:
        config = config or self.deployer(environment)
        return {"WATCH_SECONDS": "5", "ROLLOUT_SECONDS": "60", "KUBECONFIG": str(config)} | settings

    def start(
        self, script: str, *arguments: str, config: Path | None = None, **settings: str
    ) -> AbstractContextManager[subprocess.Popen[str]]:
        """Start one of the service's own scripts, as the deployer of the environment."""
        path = self.project / f"deploy/kubernetes/{script}.sh"
        return step.ended(subprocess.Popen(
            [path, *arguments], env=os.environ | self.settings(arguments[0], config, **settings), text=True,
            start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ))  # fmt: skip

    def run(self, script: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        with self.start(script, *arguments, config=None, **settings) as process:
            out, complaint = process.communicate(timeout=420)
        return subprocess.CompletedProcess(process.args, process.returncode, out, complaint)

    def deploy(self, image: str, environment: str = "production", **settings: str) -> None:
        result = self.follow("Deploy", environment, image, **settings)
        assert result.returncode == 0, result.stdout + result.stderr

    def refuse(self, image: str, environment: str = "production", **settings: str) -> str:
        """A deployment that must fail; answers what it said."""
        result = self.run("deploy", environment, image, **settings)
        assert result.returncode == 1, result.stdout + result.stderr
        return result.stderr

    def address(self, environment: str = "production") -> tuple[str, int]:
        """Where the Service is reached from this machine."""
        spec = get(self.namespace(environment), "service", self.name)["spec"]
        return spec["clusterIP"], spec["ports"][0]["port"]

    def deployments(self, environment: str = "production") -> dict[str, dict[str, Any]]:
        items = get(self.namespace(environment), "deployments")["items"]
        return {item["metadata"]["name"]: item for item in items}

    def pods(self, environment: str = "production") -> list[dict[str, Any]]:
        """The pods of the service that are not on their way out."""
        selector = f"--selector=app.kubernetes.io/name={self.name}"
        items = get(self.namespace(environment), "pods", selector)["items"]
        return [item for item in items if "deletionTimestamp" not in item["metadata"]]

    def ready(self, environment: str = "production") -> int:
        """How many instances are ready, of all Deployments."""
        return sum(one["status"].get("readyReplicas", 0) for one in self.deployments(environment).values())

    def images(self, environment: str = "production") -> set[str]:
        return {pod["spec"]["containers"][0]["image"] for pod in self.pods(environment)}

    def remove(self) -> None:
        if not self.project.exists():
            return
        for environment in ("staging", "production"):
            kubectl("delete", "namespace", self.namespace(environment), "--ignore-not-found", "--wait=false")
        kubectl("delete", "--kustomize", str(self.project / "deploy/policy"), "--ignore-not-found")
        shutil.rmtree(self.project, ignore_errors=True)

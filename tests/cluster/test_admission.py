"""What the API server itself refuses, and what the deployer may not do."""

import base64
import copy
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import Start
from tests.support.cluster import Release, get, kubeconfig, kubectl, wait_until
from tests.support.render import document

pytestmark = pytest.mark.engine

DIGEST = "sha256:" + "0" * 64


@pytest.fixture(scope="module")
def release(start: Start) -> Release:
    started = start("go", "rolling", "staging", "production", name="admission")
    for environment in ("staging", "production"):
        started.deploy(started.image("v1"), environment)
    return started


def pod(release: Release) -> dict[str, Any]:
    """A pod as the Deployment makes it."""
    template = copy.deepcopy(release.deployments()[release.name]["spec"]["template"])
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tried"}, "spec": template["spec"]}


def container(pod: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = pod["spec"]["containers"][0]
    return found


def tried(release: Release, manifest: dict[str, Any], environment: str = "production") -> str:
    """What the API server says to it, without keeping it."""
    command = ("--namespace", release.namespace(environment), "create", "--dry-run=server", "--filename=-")
    return kubectl(*command, stdin=json.dumps(manifest), check=False)


def test_both_environments_run_with_pod_security_enforced(release: Release) -> None:
    for environment, replicas in (("staging", 1), ("production", 2)):
        labels = get(release.namespace(environment), "namespace", release.namespace(environment))["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
        wait_until(environment, lambda: release.ready(environment) == replicas)  # noqa: B023 - is done before the next
    assert release.images("staging") == release.images("production") == {release.image("v1")}


def test_the_policy_is_sound_to_the_api_server(release: Release) -> None:
    policy = get("default", "validatingadmissionpolicy", f"{release.name}-images")
    assert policy["status"]["typeChecking"] == {}, "the expressions do not fit what they look at"


def test_what_the_deployment_makes_is_admitted(release: Release) -> None:
    for environment in ("staging", "production"):
        assert tried(release, pod(release), environment) == "pod/tried created (server dry run)\n"


OURS = "ghcr.io/octo-org/shop"
LATEST = f"{OURS}/admission:latest"
BY_DIGEST, FROM_US = "pinned by digest (@sha256:…), tags are mutable: ", f"from {OURS}, not "
# What is changed of the pod (`spec`) or its container, or added to a list of the pod, and the reason that is given.
REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "latest": ("container", {"image": LATEST}, BY_DIGEST + LATEST),
    "a tag": ("container", {"image": f"{OURS}/admission:1.2.3"}, BY_DIGEST + f"{OURS}/admission:1.2.3"),
    "a registry": (
        "container",
        {"image": f"docker.io/octo-org/shop/a@{DIGEST}"},
        FROM_US + "docker.io/octo-org/shop/a",
    ),
    "a namespace": ("container", {"image": f"{OURS}-2/a@{DIGEST}"}, FROM_US + f"{OURS}-2/a"),
    "a look-alike": ("container", {"image": f"ghcr.io.example.com/a@{DIGEST}"}, FROM_US + "ghcr.io.example.com/a"),
    "an init container": ("initContainers", {"name": "first", "image": LATEST}, BY_DIGEST + LATEST),
    "no limits": ("container", {"resources": {}}, "limits for cpu and memory: app"),
    "no memory limit": ("container", {"resources": {"limits": {"cpu": "1"}}}, "limits for cpu and memory: app"),
    "root": ("container", {"securityContext": {"runAsUser": 0}}, "runAsUser=0"),
    "may be root": ("spec", {"securityContext": {}}, "runAsNonRoot != true"),
    "privilege": ("container", {"securityContext": {"privileged": True}}, "privileged"),
    "capabilities": ("container", {"securityContext": {}}, "unrestricted capabilities"),
    "an image as a volume": ("volumes", {"name": "data", "image": {"reference": LATEST}}, BY_DIGEST + LATEST),
    "the host's files": ("volumes", {"name": "host", "hostPath": {"path": "/"}}, "restricted volume types"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("environment", ["staging", "production"])
def test_a_pod_that_breaks_a_rule_is_refused_by_its_name(release: Release, environment: str, name: str) -> None:
    part, change, reason = REFUSED[name]
    manifest = pod(release)
    if part == "initContainers":
        kept = {key: container(manifest)[key] for key in ("resources", "securityContext")}
        manifest["spec"][part] = [kept | change]
    elif part == "volumes":
        manifest["spec"][part].append(change)
    else:
        (container(manifest) if part == "container" else manifest["spec"]).update(change)
    answer = tried(release, manifest, environment)
    assert "forbidden" in answer or "denied" in answer
    assert reason in answer


def test_a_deployment_is_told_at_once(release: Release) -> None:
    manifest = release.deployments()[release.name]
    manifest = {key: manifest[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": {"name": "tried"}}
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = LATEST
    assert "pinned by digest" in tried(release, manifest)


def test_a_job_by_the_clock_is_told_at_once(release: Release) -> None:
    spec = pod(release)["spec"] | {"restartPolicy": "Never"}
    spec["containers"][0]["image"] = LATEST
    jobs = {"spec": {"template": {"spec": spec}}}
    manifest = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "tried"}}
    answer = tried(release, manifest | {"spec": {"schedule": "0 3 * * *", "jobTemplate": jobs}})
    assert "pinned by digest" in answer


def test_the_pull_secret_is_made_as_the_readme_says(release: Release) -> None:
    values = {"USER": "robot", f"{release.name}-staging": release.namespace("staging")}
    command = document.shell(release.project, "Secrets", values, block=1)
    result = document.run(release.project, command, {"KUBECONFIG": str(kubeconfig())}, stdin="t0ken\n")
    assert result.returncode == 0, result.stderr
    made = get(release.namespace("staging"), "secret", f"{release.name}-pull")
    assert made["type"] == "kubernetes.io/dockerconfigjson"
    ((host, login),) = json.loads(base64.b64decode(made["data"][".dockerconfigjson"]))["auths"].items()
    assert (host, base64.b64decode(login["auth"])) == ("ghcr.io", b"robot:t0ken")


def test_a_debugging_container_from_elsewhere_is_refused(release: Release) -> None:
    name = release.pods()[0]["metadata"]["name"]
    command = ("--namespace", release.name, "debug", name, "--image=busybox:1", "--profile=restricted")
    assert "from ghcr.io/octo-org/shop, not busybox:1" in kubectl(*command, check=False)


def test_other_namespaces_are_left_alone(release: Release) -> None:
    manifest = pod(release)
    container(manifest).update(image="busybox:1")
    command = ("--namespace", "default", "create", "--dry-run=server", "--filename=-")
    for name in ("serviceAccountName", "serviceAccount"):
        manifest["spec"].pop(name)
    assert "created" in kubectl(*command, stdin=json.dumps(manifest), check=False)


MAY_NOT = [
    ("get", "secrets"),
    ("list", "secrets"),
    ("delete", "pods"),
    ("delete", "configmaps"),
    ("create", "pods"),
    ("create", "pods/exec"),
    ("create", "rolebindings"),
    ("patch", "roles"),
    ("create", "serviceaccounts/token"),
    ("patch", "namespaces"),
    ("create", "validatingadmissionpolicies"),
]


def can(config: Path, namespace: str, verb: str, what: str) -> bool:
    resource, _, part = what.partition("/")
    command = ("auth", "can-i", verb, resource, f"--subresource={part}", f"--namespace={namespace}")
    answer = kubectl(*command, config=config, check=False)
    return answer.splitlines()[-1] == "yes"


def test_the_deployer_may_not_do_more_than_deploy(release: Release) -> None:
    for verb, what in MAY_NOT:
        assert not can(release.deployer("production"), release.name, verb, what), f"{verb} {what}"


def test_the_deployer_of_one_environment_is_nobody_in_the_other(release: Release) -> None:
    for own, other in (("staging", "production"), ("production", "staging")):
        assert can(release.deployer(own), release.namespace(own), "patch", "deployments")
        for verb, what in [("patch", "deployments"), ("get", "secrets"), ("get", "pods"), ("get", "configmaps")]:
            assert not can(release.deployer(own), release.namespace(other), verb, what), f"{own}: {verb} {what}"
    refused = kubectl(
        "--namespace", release.namespace("staging"), "get", "secret", f"{release.name}-database",
        config=release.deployer("production"), check=False,
    )  # fmt: skip
    assert "Forbidden" in refused


def test_the_kubeconfig_is_not_for_a_screen(release: Release) -> None:
    """`script` gives the command a terminal."""
    script = release.project / "deploy/kubernetes/kubeconfig.sh"
    result = subprocess.run(
        ["script", "--quiet", "--return", "--command", f"{script} production", "/dev/null"],
        env=os.environ | {"KUBECONFIG": str(kubeconfig())}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 2
    assert "not for a screen" in result.stdout
    assert "token" not in result.stdout


def test_removal_leaves_nothing(release: Release) -> None:
    """The last test of its release."""
    release.administer("Removal", {})
    left = kubectl("get", "namespaces,validatingadmissionpolicies,validatingadmissionpolicybindings", "--output=name")
    assert release.name not in left

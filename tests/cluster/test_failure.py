"""What happens when a new version is no good: the old one serves on, and the script says so."""

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cluster.conftest import Start, answers, hasten, loaded
from tests.support import step
from tests.support.cluster import Release, get, wait_until
from tests.support.render.answers import strategies

pytestmark = pytest.mark.engine

NEVER_STARTS = 'CMD ["no-such-command"]'  # which the service refuses


@pytest.fixture(scope="module", params=strategies(every=False))
def release(request: pytest.FixtureRequest, start: Start) -> Iterator[Release]:
    started = start("go", request.param, name=f"failure-{request.param}")
    hasten(started, progressDeadlineSeconds=10)
    started.deploy(started.image("v1"))
    yield started
    started.remove()


@pytest.fixture(autouse=True)
def on_v1(release: Release) -> None:
    """Each test starts from v1."""
    if release.images() != {release.image("v1")}:
        release.deploy(release.image("v1"))
        wait_until("v1", lambda: release.images() == {release.image("v1")})


def test_rollback_of_a_version_that_never_becomes_ready(release: Release) -> None:
    bad = release.image("bad", NEVER_STARTS)
    with loaded(release):
        said = release.refuse(bad)
        answers(release, "v1")
    assert "did not become ready" in said
    assert "bad arguments" in said, f"the reason, from the log, is not in {said}"
    assert release.image("v1") in said.splitlines()[-1]
    wait_until("the bad pods to go", lambda: release.images() == {release.image("v1")})


def test_rollback_after_a_failed_integration_test(release: Release) -> None:
    script = release.project / "scripts/integration.sh"
    before = script.read_text()
    script.write_text(before.replace("\nask()", '\necho "integration: the prices are wrong" >&2; exit 1\nask()'))
    try:
        with loaded(release):
            said = release.refuse(release.image("v2"))
    finally:
        script.write_text(before)
    assert "the prices are wrong" in said
    assert release.image("v1") in said.splitlines()[-1]
    tried = {f"{release.name}-{slot}" for slot in ("canary", "blue", "green")}
    assert owners(release, release.image("v2")) <= tried, "it had traffic before it was tested"
    wait_until("v2 to go", lambda: release.images() == {release.image("v1")})


def owners(release: Release, image: str) -> set[str]:
    """The Deployments that have, or had, pods of this image."""
    sets = get(release.namespace("production"), "replicasets", f"--selector=app.kubernetes.io/name={release.name}")
    return {
        one["metadata"]["ownerReferences"][0]["name"]
        for one in sets["items"]
        if one["spec"]["template"]["spec"]["containers"][0]["image"] == image
    }


@contextmanager
def edited(release: Release, name: str, before: str, after: str) -> Iterator[None]:
    path = release.project / "deploy/kubernetes" / name
    text = path.read_text()
    assert before in text, f"{name} does not say {before}"
    path.write_text(text.replace(before, after))
    try:
        yield
    finally:
        path.write_text(text)


def test_a_service_that_leads_nowhere_is_no_success(release: Release) -> None:
    """All pods are well: only who asks by the Service's own port sees it."""
    with edited(release, "base/service.yml", "targetPort: http", "targetPort: 9999"):
        said = release.refuse(release.image("v2"))
    assert f"the Service {release.name} does not lead to what was started" in said
    answers(release, "v1")


POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {name}-own
spec:
  podSelector:
    matchLabels:
      app.kubernetes.io/name: {name}
  policyTypes: [Egress]
"""


def test_all_that_a_failed_version_applied_is_taken_back(release: Release) -> None:
    (release.project / "deploy/kubernetes/own/more.yml").write_text(POLICY.format(name=release.name))
    before = applied(release)
    with (
        edited(release, "own/kustomization.yml", "resources: []", "resources: [more.yml]"),
        edited(release, "base/disruption-budget.yml", "maxUnavailable: 1", "maxUnavailable: 2"),
        edited(release, "base/network/allow-dns.yml", "port: 53", "port: 54"),
        edited(release, "base/service.yml", "targetPort: http", "targetPort: 9999"),
    ):
        release.refuse(release.image("v2"))
    assert applied(release) == before


def test_what_a_version_no_longer_has_is_pruned_when_it_is_good(release: Release) -> None:
    (release.project / "deploy/kubernetes/own/more.yml").write_text(POLICY.format(name=release.name))
    before = applied(release)
    with edited(release, "own/kustomization.yml", "resources: []", "resources: [more.yml]"):
        release.deploy(release.image("v1"))
        assert applied(release).keys() - before.keys() == {f"NetworkPolicy {release.name}-own"}
    release.refuse(release.image("bad", NEVER_STARTS))
    assert f"NetworkPolicy {release.name}-own" in applied(release), "the last good version has it"
    release.deploy(release.image("v1"))
    assert applied(release).keys() == before.keys()


def applied(release: Release) -> dict[str, str]:
    """What is there, but for the autoscalers of the slots; a Service is with either of them."""
    kinds = "services,networkpolicies,poddisruptionbudgets,horizontalpodautoscalers,serviceaccounts,prometheusrules"
    items = get(release.namespace("production"), kinds, f"--selector=app.kubernetes.io/name={release.name}")["items"]
    found = {f"{one['kind']} {one['metadata']['name']}": json.dumps(one.get("spec"), sort_keys=True) for one in items}
    return {name: text for name, text in found.items() if not re.search("-(blue|green)$", name)}


def test_the_same_version_again_is_a_rollback_target(release: Release) -> None:
    """A redeployment of one template gives its revision another number."""
    release.deploy(release.image("v1"))
    release.deploy(release.image("v1"))
    said = release.refuse(release.image("bad", NEVER_STARTS))
    assert release.image("v1") in said.splitlines()[-1]
    answers(release, "v1")


def test_rollback_of_a_version_that_restarts_while_watched(release: Release) -> None:
    with release.start("deploy", "production", release.image("v3"), WATCH_SECONDS="60") as process:
        assert process.stderr
        assert any(line.startswith("watch: watching") for line in process.stderr)
        kill_one(release, release.image("v3"))
        _, said = process.communicate(timeout=120)
    assert process.returncode == 1, said
    assert "restarted" in said
    answers(release, "v1")


def kill_one(release: Release, image: str) -> None:
    """Kill the process of one of the pods, as the kernel does where memory runs out."""
    uid = next(p["metadata"]["uid"] for p in release.pods() if p["spec"]["containers"][0]["image"] == image)
    killed = 0
    for process in os.listdir("/proc"):
        if not process.isdigit():
            continue
        try:
            with open(f"/proc/{process}/cgroup") as cgroup, open(f"/proc/{process}/comm") as name:
                if f"pod{uid}" in cgroup.read().replace("_", "-") and name.read().strip() != "pause":
                    os.kill(int(process), signal.SIGKILL)
                    killed += 1
        except (FileNotFoundError, ProcessLookupError):
            continue
    assert killed


def test_killed_deployment_is_no_rollback_target(release: Release) -> None:
    bad = release.image("bad", NEVER_STARTS)
    with release.start("deploy", "production", bad) as process:
        wait_until("the bad version", lambda: bad in release.images())
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=30)
    answers(release, "v1")

    said = release.refuse(release.image("worse", NEVER_STARTS, "ENV LOG_LEVEL=info"))
    assert release.image("v1") in said.splitlines()[-1], "back to the last good one, not to the one before"
    answers(release, "v1")

    release.deploy(release.image("v2"))
    answers(release, "v2")


STEP = 'deploy/kubernetes/deploy.sh production "$IMAGE"'


@pytest.mark.parametrize("command", [STEP, f"exec {STEP}"], ids=["child", "exec"])
def test_a_cancelled_job_is_rolled_back_while_it_starts_a_version(release: Release, command: str) -> None:
    """https://github.com/ringerc/github-actions-signal-handling-demo: what a step has started is never told."""
    bad = release.image("bad", NEVER_STARTS)
    settings = release.settings("production", IMAGE=bad)
    with loaded(release), step.start(command, release.project, **settings) as process:
        wait_until("the bad version", lambda: bad in release.images())
        step.cancel(process)
        if command == STEP:
            assert bad in release.images(), "nothing has taken it back yet: the script was told nothing"
        recovered(release, by_itself=command != STEP)
        process.communicate(timeout=10)  # nothing that it started is left: its output ends
    wait_until("the bad pods to go", lambda: release.images() == {release.image("v1")})


def test_a_cancelled_job_is_rolled_back_while_it_watches(release: Release) -> None:
    image = release.image("v2")
    settings = release.settings("production", WATCH_SECONDS="120", IMAGE=image)
    with loaded(release), step.start(STEP, release.project, **settings) as process:
        assert process.stderr
        assert any(line.startswith("watch: watching") for line in process.stderr)
        answers(release, "v2")
        step.cancel(process)
        recovered(release)
        process.communicate(timeout=10)
    wait_until("v2 to go", lambda: release.images() == {release.image("v1")})


def recovered(release: Release, *, by_itself: bool = False) -> None:
    """Run the step that follows; a script that got the signal `by_itself` may have ended its rollback before that."""
    result = release.run("recover", "production")
    assert result.returncode == 0, result.stdout + result.stderr
    said = result.stderr.splitlines()[-1]
    assert said == f"recover: production runs {release.image('v1')} as before" or (
        by_itself and said.startswith("recover: nothing to roll back: no deployment of production is unfinished")
    )
    answers(release, "v1")
    again = release.run("recover", "production")
    assert again.returncode == 0, again.stderr
    assert "recover: nothing to roll back" in again.stderr


def test_a_terminated_deployment_is_rolled_back(release: Release) -> None:
    bad = release.image("bad", NEVER_STARTS)
    with release.start("deploy", "production", bad) as process:
        wait_until("the bad version", lambda: bad in release.images())
        os.killpg(process.pid, signal.SIGTERM)  # as a terminal's Ctrl-C reaches all of it
        _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "did not become ready" not in said, "it was waited for"
    assert release.image("v1") in said.splitlines()[-1], said
    wait_until("the bad pods to go", lambda: release.images() == {release.image("v1")})


def test_rollback_by_hand(release: Release) -> None:
    release.deploy(release.image("v2"))
    with loaded(release):
        result = release.follow("Roll back", "production", release.image("v1"))
    assert result.returncode == 0, result.stderr
    assert release.image("v1") in result.stdout, "the earlier ones are listed"
    answers(release, "v1")


def test_a_setting_that_a_failed_version_dropped_can_still_be_dropped(release: Release) -> None:
    """`rollout undo` would leave it there for good: kubectl warns of it."""
    deployment = release.project / "deploy/kubernetes/base/deployment.yml"
    plain = deployment.read_text()
    deployment.write_text(
        plain.replace("          env:\n", "          env:\n            - name: OLD\n              value: x\n")
    )
    release.deploy(release.image("v1"))
    deployment.write_text(plain)
    release.refuse(release.image("bad", NEVER_STARTS))
    release.deploy(release.image("v2"))
    live = [pod for pod in release.pods() if pod["spec"]["containers"][0]["image"] == release.image("v2")]
    names = [{variable["name"] for variable in pod["spec"]["containers"][0]["env"]} for pod in live]
    assert names
    assert all("OLD" not in of_pod for of_pod in names)


def test_what_is_no_digest_of_this_image_is_not_deployed(release: Release) -> None:
    for image in (
        f"{release.repository}:latest",
        f"{release.repository}@sha256:12",
        f"docker.io/other@sha256:{'0' * 64}",
        f"{release.repository}:v1@sha256:{'0' * 64}",
    ):
        result = release.run("deploy", "production", image)
        assert result.returncode == 2
        assert f"use {release.repository}@sha256:" in result.stderr
        assert len(result.stderr.splitlines()) == 1
    result = release.run("deploy", "test", release.image("v1"), KUBECONFIG="/dev/null")
    assert result.returncode == 2
    assert "use staging or production" in result.stderr

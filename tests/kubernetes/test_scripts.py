"""The scripts that deploy, with a cluster that is played; tests/cluster runs them on a real one."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.support.cluster.manifests import DIGEST
from tests.support.expectations import expected
from tests.support.render import ORDERS, TEMPLATE

EXPOSURES = list(TEMPLATE.table("kubernetes_exposures"))
IMAGE = f"{expected('registry', 'ghcr')['image']}@{DIGEST}"
HEALTHZ = f"https://staging.{ORDERS['service_name']}.example.com/healthz"


@pytest.fixture(params=EXPOSURES)
def exposure(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def project(exposure: str, rendered: Callable[[Answers], Path], tmp_path: Path) -> Path:
    """A copy, for the scripts write beside themselves."""
    answers = {
        "language": "go", "database": "none", "orchestrator": "kubernetes", "deployment_strategy": "blue-green",
        "kubernetes_exposure": exposure,
    }  # fmt: skip
    return Path(shutil.copytree(rendered(answers) / "deploy", tmp_path / "project/deploy").parent)


def run(project: Path, command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    told = os.environ | {"PATH": f"{project}/bin:{os.environ['PATH']}"} | environment
    return subprocess.run(command, cwd=project, env=told, capture_output=True, text=True, check=False, timeout=60)


def program(project: Path, name: str, text: str) -> None:
    path = project / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/usr/bin/env bash\n{text}\n")
    path.chmod(0o755)


def test_the_service_moves_from_slot_to_slot(project: Path, exposure: str) -> None:
    """With pods alone that it does not know yet, a load balancer of AWS has none to send to.

    https://github.com/kubernetes-sigs/aws-load-balancer-controller/issues/1124
    https://github.com/argoproj/argo-rollouts/discussions/792
    """
    script = r"""
      set -euo pipefail
      source deploy/kubernetes/lib.sh
      source deploy/kubernetes/record.sh
      kube() { case "$*" in 'get service'*) printf blue ;; *) echo "${@: -1}" ;; esac; }
      sleep() { echo "waits $1 s" >&2; }
      select_slot "$1"
    """
    narrow = '{"spec": {"selector": {"slot": "%s"}}}\n'
    wide = '{"spec": {"selector": {"slot": null}}}\nwaits 30 s\n' if exposure == "alb" else ""
    assert run(project, ["bash", "-c", script, "switch", "green"]).stderr == wide + narrow % "green"
    assert run(project, ["bash", "-c", script, "switch", "blue"]).stderr == narrow % "blue", "it is there already"


@pytest.fixture
def deploy(project: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Runs deploy.sh, whose public address answers while its version is one of these."""
    here = project / "deploy/kubernetes"
    (here / "rollout.sh").write_text("forwarded() { :; }\n")
    (here / "record.sh").write_text("check_manifests() { :; }\n")
    (here / "strategy.sh").write_text(
        f"start() {{ started=new; }}\nswitch_traffic() {{ echo new > live; }}\nimage_of() {{ echo {IMAGE}; }}\n"
        "finish() { :; }\nroll_back() { echo old > live; }\n"
    )
    for name in ("integration.sh", "watch.sh"):
        (here / name).write_text("#!/bin/sh\n")
    (project / "live").write_text("old\n")
    program(project, "kubectl", """echo '{"serverVersion": {"minor": "31"}}'""")
    program(project, "curl", 'echo "$@" >> asked; grep -qxFf answering live || { echo "curl: (22) 502" >&2; exit 22; }')

    def run_with(answering: str) -> subprocess.CompletedProcess[str]:
        (project / "answering").write_text(answering)
        return run(project, ["deploy/kubernetes/deploy.sh", "staging", IMAGE])

    return run_with


def test_an_address_that_answered_must_still_answer(
    project: Path, exposure: str, deploy: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    done = deploy("old\n")
    if exposure == "none":
        assert (done.returncode, done.stderr.splitlines()[-1]) == (0, f"deploy: staging runs {IMAGE}")
        assert not (project / "asked").exists()
        return
    assert done.returncode == 1
    assert f"{HEALTHZ} does not answer any more" in done.stderr
    assert "rolling back" in done.stderr
    assert (project / "live").read_text() == "old\n"


@pytest.mark.parametrize("answering", ["old\nnew\n", "new\n", "neither\n"])
def test_an_address_that_is_out_of_reach_is_no_failure(
    project: Path, exposure: str, answering: str, deploy: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    done = deploy(answering)
    assert done.returncode == 0, done.stderr
    unreached = f"{HEALTHZ} does not answer from here" in done.stderr
    assert unreached == (exposure != "none" and "old" not in answering)
    if exposure != "none":
        asked = (project / "asked").read_text().splitlines()
        assert all(line.endswith(HEALTHZ) for line in asked)
        assert len(asked) == (1 if unreached else 2)

"""What a tired person does wrong: one clear line says what was expected, and nothing has been changed."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from shipshape.template import Answers

from tests.support.cluster.manifests import DIGEST, kubectl, of_kind, parsed, sent
from tests.support.render import ORDERS
from tests.support.render.answers import strategies

SERVICE = ORDERS["service_name"]
IMAGE = f"ghcr.io/{ORDERS['image_namespace']}/{SERVICE}@{DIGEST}"
# The cluster: it logs what it is asked for, and fails where FAILS is in that. Put together, all is by the real kubectl.
CLUSTER = r"""#!/bin/bash
case "$*" in
  kustomize* | config*) PATH=${PATH#*:} exec kubectl "$@" ;;
esac
echo "$*" >> "$LOG"
[[ -z $FAILS || $* != *"$FAILS"* ]] || { echo "Error from server (Forbidden): not for you" >&2; exit 1; }
case "$*" in
  version*) echo '{"serverVersion": {"minor": "36"}}' ;;
  *'get replicasets'*) echo "$SETS" ;;
  *'get configmap'*) echo '{"data": {"slot": "", "manifests": "", "unfinished": ""}}' ;;
  *'get job '*) printf Complete ;;
  *'get jobs'*) echo '{"items": []}' ;;
  *--filename\ -*) cat > /dev/null ;;
esac
"""
READS = (" get ", "version ")


@dataclass(frozen=True)
class Repository:
    folder: Path
    scratch: Path

    def run(self, script: str, *arguments: str, fails: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
        self.log.write_text("")
        told = {"PATH": f"{self.scratch}:{os.environ['PATH']}", "LOG": str(self.log), "FAILS": fails} | settings
        return subprocess.run(
            [self.folder / f"deploy/kubernetes/{script}.sh", *arguments],
            env=os.environ | told, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    @property
    def log(self) -> Path:
        return self.scratch / "log"

    def changes(self) -> list[str]:
        """What the cluster was asked to do, and not only for an answer."""
        asked = self.log.read_text().splitlines()
        return [line for line in asked if "--dry-run=server" not in line and not any(r in f" {line}" for r in READS)]


@pytest.fixture(params=strategies())
def repository(request: pytest.FixtureRequest, rendered: Callable[[Answers], Path], tmp_path: Path) -> Repository:
    kubectl()
    project = rendered({"language": "go", "orchestrator": "kubernetes", "deployment_strategy": request.param})
    for folder in ("deploy", "scripts"):
        shutil.copytree(project / folder, tmp_path / "project" / folder)
    (tmp_path / "kubectl").write_text(CLUSTER)
    (tmp_path / "kubectl").chmod(0o755)
    return Repository(tmp_path / "project", tmp_path)


SCRIPTS = [["deploy", IMAGE], ["rollback", IMAGE], ["rollback"], ["recover"], ["kubeconfig"]]


@pytest.mark.parametrize(("script", "arguments"), [(one, more) for one, *more in SCRIPTS])
def test_another_context_is_named(repository: Repository, script: str, arguments: list[str]) -> None:
    """An old context, the other environment's kubeconfig, a cluster that is gone, a namespace that was never made."""
    config = repository.scratch / "kubeconfig"
    config.write_text("{apiVersion: v1, kind: Config, current-context: of-last-year}")
    result = repository.run(script, "staging", *arguments, fails="get serviceaccount", KUBECONFIG=str(config))
    (line,) = result.stderr.splitlines()
    assert result.returncode == 1
    assert f"context of-last-year does not lead to the namespace {SERVICE}-staging" in line
    assert "not for you" in line
    assert "deploy/README.md" in line
    assert not repository.changes()


def test_a_missing_tool_is_named(repository: Repository) -> None:
    for tool in ("bash", "dirname", "basename", "sed", "kubectl", "curl"):
        (repository.scratch / "few").mkdir(exist_ok=True)
        (repository.scratch / "few" / tool).symlink_to(str(shutil.which(tool)))
    result = repository.run("deploy", "staging", IMAGE, PATH=str(repository.scratch / "few"))
    assert (result.returncode, result.stderr) == (1, "deploy: jq is needed, and is not there\n")


def test_what_the_cluster_would_refuse_stops_it_before_anything_is_changed(repository: Repository) -> None:
    """A kind of object in own/ that the deployer may not make; a setting with a name that can't be."""
    result = repository.run("deploy", "staging", IMAGE, fails="--dry-run=server")
    assert result.returncode == 1
    assert "not for you" in result.stderr
    assert result.stderr.splitlines()[-1].endswith("nothing has been changed")
    assert not repository.changes()


def test_an_own_file_that_is_not_there_stops_it_before_anything_is_changed(repository: Repository) -> None:
    own = repository.folder / "deploy/kubernetes/own/kustomization.yml"
    own.write_text(own.read_text().replace("resources: []", "resources: [no-such.yml]"))
    result = repository.run("deploy", "staging", IMAGE)
    assert result.returncode == 1
    assert "no-such.yml" in result.stderr
    assert result.stderr.splitlines()[-1] == (
        "deploy: deploy/kubernetes/overlays/staging can't be put together; nothing has been changed"
    )
    assert not repository.changes()


def test_a_rollback_that_fails_names_what_finishes_it(repository: Repository) -> None:
    """The cluster is away; or Ctrl-C, a second time. What can't be read is not taken for empty, nor written over."""
    result = repository.run("deploy", "staging", IMAGE, fails="get configmap")
    assert result.returncode == 1
    assert "deploy: rolling back\n" in result.stderr
    assert "deploy/kubernetes/recover.sh staging" in result.stderr.splitlines()[-1]
    assert not any("--server-side" in line for line in repository.changes())
    recovered = repository.run("recover", "staging", fails="get configmap")
    assert (recovered.returncode, recovered.stderr.splitlines()[-1]) == (
        1, "recover: the cluster does not say what ran before",
    )  # fmt: skip


def test_the_list_of_images_has_each_once(repository: Repository) -> None:
    def replica_set(image: str, since: str, pods: int) -> dict[str, Any]:
        template = {"spec": {"containers": [{"image": image}]}}
        return {
            "metadata": {"creationTimestamp": since},
            "spec": {"template": template},
            "status": {"replicas": pods},
        }

    sets = [
        replica_set("b", "2026-01-03T00:00:00Z", 2),
        replica_set("a", "2026-01-01T00:00:00Z", 0),
        replica_set("a", "2026-01-02T00:00:00Z", 0),
    ]
    result = repository.run("rollback", "production", SETS=json.dumps({"items": sets}))
    assert result.returncode == 0, result.stderr
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["SINCE", "PODS", "IMAGE"],
        ["2026-01-02T00:00:00Z", "0", "a"],
        ["2026-01-03T00:00:00Z", "2", "b"],
    ]
    nothing = repository.run("rollback", "production", SETS='{"items": []}')
    assert (nothing.returncode, nothing.stdout) == (1, "")
    assert nothing.stderr == "rollback: nothing has been deployed to production yet\n"


def test_a_canary_gets_what_it_needs_to_start(rendered: Callable[[Answers], Path], tmp_path: Path) -> None:
    """What own/ lets the new version call, or the Secret it reads, is there before it must be ready."""
    answers = {"language": "go", "orchestrator": "kubernetes", "deployment_strategy": "rolling"}
    shutil.copytree(rendered(answers | {"kubernetes_secrets": "external-secrets"}) / "deploy", tmp_path / "deploy")
    own = tmp_path / "deploy/kubernetes/own"
    (own / "kustomization.yml").write_text(
        (own / "kustomization.yml").read_text().replace("resources: []", "resources: [more.yml]")
    )
    policy = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: own}, spec: {podSelector: {}}}"
    (own / "more.yml").write_text(policy)
    manifests = sent(tmp_path, "production", "start", "main")
    everything = parsed(subprocess.run(
        [kubectl(), "kustomize", tmp_path / "deploy/kubernetes/overlays/production"],
        check=True, capture_output=True, text=True,
    ).stdout)  # fmt: skip

    def names(kind: str, of: list[dict[str, Any]]) -> set[str]:
        labelled = [one for one in of_kind(of, kind) if "component" not in str(one["metadata"].get("labels"))]
        return {str(one["metadata"]["name"]) for one in labelled}

    assert "own" in names("NetworkPolicy", manifests)
    for kind in ("NetworkPolicy", "ServiceAccount", "ConfigMap", "ExternalSecret"):
        assert names(kind, manifests) == names(kind, everything) != set(), kind
    assert names("Deployment", manifests) == {f"{SERVICE}-canary"}
    for kind in ("Service", "HTTPRoute", "Ingress", "HorizontalPodAutoscaler", "PodDisruptionBudget"):
        assert not of_kind(manifests, kind), "it leads traffic to what is not tested yet, or scales the others"

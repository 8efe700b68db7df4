"""What is rendered for Kubernetes, as kubectl puts it together."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from shipshape.template import Answers

Manifest = dict[str, Any]
ENVIRONMENTS = ("staging", "production")
DIGEST = f"sha256:{'0123456789abcdef' * 4}"


@cache
def program(name: str, how: str) -> str:
    """The path of a program that pip does not bring; without it skips, but fails in CI."""
    path = shutil.which(name)
    if not path:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"needs {name}: {how}")
    return str(path)


def kubectl() -> str:
    return program("kubectl", "https://kubernetes.io/docs/tasks/tools/")


def parsed(text: str) -> list[Manifest]:
    return [document for document in yaml.load_all(text, yaml.CSafeLoader) if document]


def kustomize(folder: Path) -> str:
    done = subprocess.run([kubectl(), "kustomize", folder], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, f"{folder}: {done.stderr}"
    return done.stdout


OF_MIGRATIONS = "app.kubernetes.io/component"  # a label, by which the scripts tell the migration from the rest


def sent(project: Path, environment: str, step: str, live: str = "") -> list[Manifest]:
    """What a step of deploy.sh sends to the cluster; `live` is the slot that its Service is with.

    Only what a cluster would answer is made up, and kubectl's selector.
    """
    script = r"""
      set -euo pipefail
      source deploy/kubernetes/lib.sh
      source deploy/kubernetes/rollout.sh
      source deploy/kubernetes/record.sh
      source deploy/kubernetes/strategy.sh
      [[ ! -f deploy/kubernetes/migrate.sh ]] || source deploy/kubernetes/migrate.sh
      kube() {
        case "$*" in
          'get configmap'*) printf '{"data": {"slot": "%s", "manifests": "", "unfinished": ""}}' "$LIVE" ;;
          'apply --server-side'*) cat > "$SENT.record" ;;
          'get httproute'*) ;;
          'patch service'*) echo "$*" >> "$SENT.patches" ;;
          'get deployment'*) printf 3 ;;
          'get service '*) printf '%s' "$LIVE" ;;
          'get replicasets'*) echo '{"items": []}' ;;
          'get job'*) printf Complete ;;
          'apply'*) echo "$*" > "$SENT.selector"; cat > "$SENT" ;;
          *) echo "the cluster was asked for more: $*" >&2; exit 1 ;;
        esac
      }
      rolled_out() { echo "waits for $1"; }
      choose_environment "$ENVIRONMENT"
      choose_image "$repository@$DIGEST"
      "$STEP"
    """
    path = project / f"sent-{environment}-{step}-{live}.yml"
    told = {"ENVIRONMENT": environment, "DIGEST": DIGEST, "LIVE": live, "SENT": str(path), "STEP": step}
    done = subprocess.run(
        ["bash", "-c", script], cwd=project, env=os.environ | told, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    manifests = parsed(path.read_text())
    selector = re.search(rf"--selector {OF_MIGRATIONS}(!?)=migrate ", path.with_suffix(".yml.selector").read_text())
    return [one for one in manifests if not selector or of_migration(one) != bool(selector[1])]


def of_migration(manifest: Manifest) -> bool:
    return bool(manifest["metadata"].get("labels", {}).get(OF_MIGRATIONS) == "migrate")


@dataclass(frozen=True)
class Rendered:
    """A rendering, and what kubectl makes of it: name of a set, such as overlays/staging, to its objects.

    `folder` holds the same as files.
    """

    answers: Answers
    project: Path
    folder: Path
    sets: dict[str, list[Manifest]]

    def overlay(self, environment: str) -> list[Manifest]:
        return self.sets[f"overlays/{environment}"]


def all_sets(project: Path, scratch: Path) -> Iterator[tuple[str, str]]:
    """Name of a set, and its YAML; `scratch` is an empty folder, for the scripts write beside themselves."""
    for environment in ENVIRONMENTS:
        for kind in ("overlays", "setup"):
            yield f"{kind}/{environment}", kustomize(project / "deploy/kubernetes" / kind / environment)
        if (project / "deploy/kubernetes/backup").exists():
            yield f"backup/{environment}", kustomize(project / "deploy/kubernetes/backup" / environment)
        if (project / "deploy/kubernetes/database").exists():
            yield f"database/{environment}", kustomize(project / "deploy/kubernetes/database" / environment)
            yield f"restored/{environment}", kustomize(restored(project, environment, scratch / environment))
    yield "policy", kustomize(project / "deploy/policy")
    shutil.copytree(project / "deploy", scratch / "deploy")
    slots = {path.name for path in project.glob("deploy/kubernetes/slots/*")} - {"canary"}
    for environment, live in product(ENVIRONMENTS, ["", *sorted(slots)]):
        yield f"deployed/{environment}/{live or 'first'}", yaml.safe_dump_all(sent(scratch, environment, "start", live))
    for environment in ENVIRONMENTS if (project / "deploy/kubernetes/migrate.sh").exists() else ():
        yield f"migrated/{environment}", yaml.safe_dump_all(sent(scratch, environment, "migrate"))


def restored(project: Path, environment: str, scratch: Path) -> Path:
    """The folder of an environment's database after a restore, as deploy/README.md has it."""
    shutil.copytree(project / "deploy/kubernetes/database", scratch)
    path = scratch / environment / "kustomization.yml"
    path.write_text(path.read_text().replace("- ../cluster", "- ../restore"))
    return path.parent


def write_sets(project: Path, folder: Path) -> None:
    for name, text in all_sets(project, folder / "scratch"):
        path = folder / f"{name}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    shutil.rmtree(folder / "scratch")


def read_sets(folder: Path) -> dict[str, list[Manifest]]:
    return {
        str(path.relative_to(folder).with_suffix("")): parsed(path.read_text())
        for path in sorted(folder.rglob("*.yml"))
    }


def of_kind(manifests: Iterable[Manifest], *kinds: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] in kinds]


def one(manifests: Iterable[Manifest], kind: str) -> Manifest:
    (found,) = of_kind(manifests, kind)
    return found


def settings_of(manifests: list[Manifest]) -> Manifest:
    """The ConfigMap of the service's settings: all but the one that Grafana reads."""
    maps = of_kind(manifests, "ConfigMap")
    (found,) = [one for one in maps if "grafana_dashboard" not in one["metadata"].get("labels", {})]
    return found


def name_of(manifest: Manifest) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def quantity(text: str) -> float:
    """A CPU or memory quantity as a number of cores or bytes.

    https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(m|Ki|Mi|Gi|)", text)
    assert match, f"{text} is no quantity"
    return float(match[1]) * {"m": 0.001, "": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}[match[2]]

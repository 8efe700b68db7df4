"""JSON schemas of Kubernetes and of what extends it, as kubeconform reads them, without the network's schema site."""

import json
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from tests.support.paths import ROOT

# Supported on the day of the last edit: https://kubernetes.io/releases/patch-releases/ (1.34 ended in October 2026).
VERSIONS = ("1.35.0", "1.36.0", "1.37.0")
# Where each project keeps the definitions of the kinds that are used here: a Go module at a version, and a path in it.
# Prometheus Operator 0.85.0 is the newest that Go's module proxy has as a whole; of later ones, the Go types alone.
DEFINITIONS = {
    "sigs.k8s.io/gateway-api@v1.6.2": ["config/crd/standard/gateway.networking.k8s.io_httproutes.yaml"],
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": [
        "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
        "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
    ],
    "github.com/external-secrets/external-secrets@v1.3.2": [
        "config/crds/bases/external-secrets.io_externalsecrets.yaml"
    ],
    "github.com/kyverno/kyverno@v1.19.1": [
        "config/crds/policies.kyverno.io/policies.kyverno.io_imagevalidatingpolicies.yaml"
    ],
    "istio.io/api@v1.32.0": ["kubernetes/customresourcedefinitions.gen.yaml"],
    "github.com/sigstore/policy-controller@v0.13.1": ["config/300-clusterimagepolicy.yaml"],
    "github.com/cloudnative-pg/cloudnative-pg@v1.30.0": [
        "config/crd/bases/postgresql.cnpg.io_clusters.yaml",
        "config/crd/bases/postgresql.cnpg.io_scheduledbackups.yaml",
    ],
    "github.com/cloudnative-pg/plugin-barman-cloud@v0.15.0": ["config/crd/bases/barmancloud.cnpg.io_objectstores.yaml"],
}


def write_kubernetes(version: str, folder: Path) -> None:
    """The strict schemas of one version, less the address that they claim: here they are files, beside each other."""
    source = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / f"v{version}-local-strict"
    for path in source.glob("*.json"):
        text = path.read_text().replace('"/api/_definitions.json', '"_definitions.json')
        (folder / path.name).write_text(re.sub(r',\s*"\$id": "[^"]*"', "", text))


@cache
def module(name: str) -> Path:
    """The folder of a Go module at a version; without Go skips, but fails in CI."""
    if not shutil.which("go"):
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{name} needs Go to be fetched")
    command = ["go", "mod", "download", "-json", name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return Path(json.loads(done.stdout)["Dir"])


def closed(schema: Any) -> Any:
    """A structural schema as JSON Schema that allows what it names and no more, as the API server's strict check does.

    https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#field-pruning
    """
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: closed(value) for key, value in schema.items()}
    if schema.pop("x-kubernetes-int-or-string", False) is True:
        schema.pop("type", None)
        schema.setdefault("anyOf", [{"type": "integer"}, {"type": "string"}])
    open_ended = schema.get("x-kubernetes-preserve-unknown-fields") is True
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object" and not open_ended:
        schema.setdefault("additionalProperties", False)
    return schema


# Linkerd is no module that a registry serves: github.com/linkerd/linkerd2 at b24cd4059841,
# charts/linkerd-crds/templates/policy, without the lines of Helm's language. Apache-2.0.
LINKERD = Path(__file__).with_name("linkerd")


def write_definitions(folder: Path) -> None:
    """GROUP/kind_version.json for each served version of each kind."""
    places = [module(name) / path for name, paths in DEFINITIONS.items() for path in paths]
    for text in [path.read_text() for path in [*places, *sorted(LINKERD.glob("*.yaml"))]]:
        for definition in yaml.load_all(text, yaml.CSafeLoader):
            spec = definition["spec"]
            for version in spec["versions"]:
                schema = closed(version["schema"]["openAPIV3Schema"])
                # what every object has, the API server itself looks at
                schema["properties"] |= {"apiVersion": {}, "kind": {}, "metadata": {}}
                path = folder / spec["group"] / f"{spec['names']['kind'].lower()}_{version['name']}.json"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(schema))

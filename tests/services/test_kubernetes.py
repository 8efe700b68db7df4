"""Two services in one cluster: a namespace each, or one for both."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.services.repository import add
from tests.support.cluster.manifests import Manifest, kustomize, parsed

NAMES = ("orders", "payments")
Key = tuple[str, str, str]


def objects(repository: Path, name: str) -> Iterator[tuple[Key, Manifest]]:
    """All that is made of a service in staging and for the whole cluster."""
    deploy = repository / "services" / name / "deploy"
    for folder in ("kubernetes/setup/staging", "kubernetes/overlays/staging", "policy"):
        for manifest in parsed(kustomize(deploy / folder)):
            metadata = manifest["metadata"]
            yield (manifest["kind"], metadata.get("namespace", ""), metadata["name"]), manifest


@pytest.mark.parametrize(
    "answers",
    [
        {"kubernetes_verification": "kyverno", "kubernetes_monitoring": "prometheus-operator"},
        {"kubernetes_verification": "policy-controller", "deployment_strategy": "blue-green"},
    ],
    ids=["kyverno", "policy-controller"],
)
def test_no_object_is_made_by_both(plain_template: Path, tmp_path: Path, answers: Answers) -> None:
    for namespace in ("", "shop"):
        repository = tmp_path / (namespace or "each")
        for name in NAMES:
            where = {"kubernetes_namespace": namespace} if namespace else {}
            add(plain_template, repository, name, orchestrator="kubernetes", **answers, **where)
        orders, payments = (dict(objects(repository, name)) for name in NAMES)
        assert len(orders) == len(payments) > 10
        both = orders.keys() & payments.keys()
        assert both == ({("Namespace", "", "shop-staging")} if namespace else set())
        for key in both:  # the one namespace is as either makes it, but for whose name it has: nothing selects by that
            for found in (orders, payments):
                del found[key]["metadata"]["labels"]["app.kubernetes.io/name"]
            assert orders[key] == payments[key]
        selected = {
            str(manifest["spec"].get("podSelector", manifest["spec"].get("selector")))
            for found in (orders, payments)
            for (kind, _, _), manifest in found.items()
            if kind in ("NetworkPolicy", "Service", "PodDisruptionBudget")
        }
        assert all(("orders" in one) != ("payments" in one) for one in selected), "of one service's pods alone"

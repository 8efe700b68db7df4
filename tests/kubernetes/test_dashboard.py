"""The dashboard in its ConfigMap, and the labels that it asks for; with what broke for others in public."""

import json
from collections.abc import Callable

import pytest
import yaml

from tests.support.cluster.manifests import Manifest, Rendered, of_kind, one
from tests.support.render import ORDERS, name_of
from tests.support.render.answers import KUBERNETES

SERVICE = ORDERS["service_name"]
OVERLAY = "deploy/kubernetes/overlays/production"


def boards(kubernetes: Rendered, environment: str) -> list[Manifest]:
    maps = of_kind(kubernetes.overlay(environment), "ConfigMap")
    return [one for one in maps if "grafana_dashboard" in one["metadata"].get("labels", {})]


WATCHED = [number for number, one in enumerate(KUBERNETES) if one["kubernetes_monitoring"] == "prometheus-operator"]


@pytest.fixture(params=WATCHED, ids=[name_of(KUBERNETES[number]) for number in WATCHED])
def watched(request: pytest.FixtureRequest, put_together: Callable[[int], Rendered]) -> Rendered:
    return put_together(request.param)


def test_there_is_none_where_nobody_would_show_it(put_together: Callable[[int], Rendered]) -> None:
    others = [number for number in range(len(KUBERNETES)) if number not in WATCHED]
    assert others
    for number in others:
        assert not boards(put_together(number), "production")
        assert not (put_together(number).project / OVERLAY / "dashboard.json").exists()


def test_production_alone_has_one_that_the_sidecar_finds(watched: Rendered) -> None:
    """Where two namespaces have the same one, deleting either takes it: https://github.com/helm/charts/issues/16380."""
    assert not boards(watched, "staging")
    (board,) = boards(watched, "production")
    # as kube-prometheus-stack has it: https://github.com/prometheus-community/helm-charts
    assert board["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_a_new_one_takes_the_place_of_the_old_one(watched: Rendered) -> None:
    """With kustomize's hash, the deployer, who deletes no ConfigMap, would leave one of each content, all with one uid.

    Grafana then shows any of them: https://github.com/fluent/helm-charts/issues/465, https://github.com/grafana/grafana/issues/22777.
    """
    (board,) = boards(watched, "production")
    assert board["metadata"]["name"] == f"{SERVICE}-dashboard"


def test_its_file_has_the_service_s_name(watched: Rendered) -> None:
    """The key is the file's name, in one folder of all services: https://github.com/kyverno/kyverno/pull/9041."""
    (board,) = boards(watched, "production")
    assert list(board["data"]) == [f"{SERVICE}.json"]
    assert board["data"][f"{SERVICE}.json"] == (watched.project / OVERLAY / "dashboard.json").read_text()


def test_kubectl_apply_can_take_it(watched: Rendered) -> None:
    """An annotation keeps what was applied, and has an end: https://github.com/open-telemetry/opentelemetry-demo/issues/2139.

    So has the ConfigMap that keeps all manifests of a deployment, 1 MiB.
    """
    (board,) = boards(watched, "production")
    assert len(json.dumps(board)) < 262144 / 4
    everything = yaml.safe_dump_all(watched.overlay("production"))
    assert len(everything) < 1048576 / 4


def test_what_it_asks_for_is_what_is_scraped(watched: Rendered) -> None:
    """The operator's labels: `job` is the Service's name, unless a ServiceMonitor has another, or relabels."""
    (board,) = boards(watched, "production")
    content = json.loads(board["data"][f"{SERVICE}.json"])
    monitor = one(watched.overlay("production"), "ServiceMonitor")
    (service,) = [
        one for one in of_kind(watched.overlay("production"), "Service") if one["metadata"]["name"] == SERVICE
    ]
    assert set(monitor["spec"]) == {"selector", "endpoints"}
    (endpoint,) = monitor["spec"]["endpoints"]
    assert set(endpoint) == {"port", "interval"}
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (namespaces,) = [one for one in content["templating"]["list"] if one["name"] == "namespace"]
    spoken = dict(choice.split(" : ") for choice in namespaces["query"].split(", "))
    for environment in ("production", "staging"):
        made = {one["metadata"]["namespace"] for one in of_kind(watched.overlay(environment), "ServiceMonitor")}
        assert made == {spoken[environment]}
    assert namespaces["current"]["value"] == spoken["production"]
    text = board["data"][f"{SERVICE}.json"]
    assert f"job='{service['metadata']['name']}'" in text
    assert {panel["interval"] for panel in content["panels"]} == {endpoint["interval"]}

"""What the owner adds: deploy/kubernetes/own/, as deploy/README.md shows it."""

import shutil
from pathlib import Path

from tests.support.cluster.manifests import ENVIRONMENTS, Manifest, Rendered, kustomize, name_of, of_kind, parsed
from tests.support.render import ORDERS, document

SERVICE = ORDERS["service_name"]


def test_the_examples_of_the_readme_reach_both_environments(kubernetes: Rendered, tmp_path: Path) -> None:
    page = (kubernetes.project / document.DEPLOY).read_text()
    first, network = (one.text for one in document.blocks(page) if one.heading == "Your own objects")
    shutil.copytree(kubernetes.project / "deploy", tmp_path / "deploy")
    own = tmp_path / "deploy/kubernetes/own"
    head = (own / "kustomization.yml").read_text().partition("resources:")[0]
    (own / "kustomization.yml").write_text(head + first)
    (own / "network.yml").write_text(network)
    pulls = [one.text for one in document.blocks(page) if (one.heading, one.language) == ("Secrets", "yaml")]
    for text in pulls:
        (own / "pull.yml").write_text(text)
        (own / "kustomization.yml").write_text(head + first.replace("[network.yml]", "[network.yml, pull.yml]"))
    secret = kubernetes.answers["registry"] != "ecr"  # whose images the nodes pull by their role
    assert bool(pulls) == (secret and kubernetes.answers["kubernetes_secrets"] == "external-secrets")
    for environment in ENVIRONMENTS:
        manifests = parsed(kustomize(tmp_path / f"deploy/kubernetes/overlays/{environment}"))
        accounts = of_kind(manifests, "ServiceAccount")
        assert accounts
        for account in accounts:
            assert account.get("imagePullSecrets", []) == [{"name": f"{SERVICE}-pull"}] * secret, name_of(account)
        for service in of_kind(manifests, "Service"):
            assert service["metadata"]["annotations"] == {"example.com/team": "orders"}, name_of(service)
        added = {name_of(one) for one in manifests} - {name_of(one) for one in kubernetes.overlay(environment)}
        assert added == {f"NetworkPolicy {SERVICE}-own", *(f"ExternalSecret {SERVICE}-pull" for _ in pulls)}
        for one in manifests:
            assert one["metadata"]["labels"]["app.kubernetes.io/name"] == SERVICE, name_of(one)
            assert one["metadata"]["namespace"] == kubernetes.overlay(environment)[0]["metadata"]["namespace"]


def test_the_label_that_prometheus_asks_for_reaches_what_it_selects(kubernetes: Rendered, tmp_path: Path) -> None:
    page = (kubernetes.project / document.DEPLOY).read_text()
    found = [one.text for one in document.blocks(page) if (one.heading, one.language) == ("Alerts", "yaml")]
    assert bool(found) == (kubernetes.answers["kubernetes_monitoring"] == "prometheus-operator")
    for text in found:
        shutil.copytree(kubernetes.project / "deploy", tmp_path / "deploy")
        own = tmp_path / "deploy/kubernetes/own/kustomization.yml"
        own.write_text(own.read_text().replace("patches: []\n", text))
        selected = of_kind(
            parsed(kustomize(tmp_path / "deploy/kubernetes/overlays/production")), "ServiceMonitor", "PrometheusRule"
        )
        assert [one["metadata"]["labels"]["release"] for one in selected] == ["prometheus"] * 2


def test_a_database_on_another_port_is_reached_as_the_page_says(kubernetes: Rendered, tmp_path: Path) -> None:
    page = (kubernetes.project / document.DEPLOY).read_text()
    found = [one.text for one in document.blocks(page) if (one.heading, one.language) == ("Database", "yaml")]
    external = kubernetes.answers.get("kubernetes_database", "external") == "external"
    assert bool(found) == (kubernetes.answers["database"] == "postgres" and external)
    for text in found:
        shutil.copytree(kubernetes.project / "deploy", tmp_path / "deploy")
        own = tmp_path / "deploy/kubernetes/own/kustomization.yml"
        own.write_text(own.read_text().replace("patches: []\n", text))
        for environment in ENVIRONMENTS:
            policies = of_kind(
                parsed(kustomize(tmp_path / f"deploy/kubernetes/overlays/{environment}")), "NetworkPolicy"
            )
            ports = {name_of(one).rpartition(" ")[2]: ports_of(one) for one in policies}
            assert {name for name, found in ports.items() if 25060 in found} == {
                f"{SERVICE}-allow-egress-database", f"{SERVICE}-migrate"
            }  # fmt: skip
            assert not any(5432 in found for found in ports.values())


def ports_of(policy: Manifest) -> set[int | str]:
    """To which it lets pods out."""
    return {port["port"] for rule in policy["spec"].get("egress", []) for port in rule.get("ports", [])}

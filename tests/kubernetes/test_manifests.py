"""What schemas do not see: that the objects of an environment fit together."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from shipshape.template import Answers

from tests.contract.artefacts import of_kubernetes
from tests.support.cluster.manifests import (
    DIGEST,
    ENVIRONMENTS,
    Manifest,
    Rendered,
    kustomize,
    name_of,
    of_kind,
    of_migration,
    one,
    parsed,
    quantity,
    settings_of,
)
from tests.support.cluster.mesh import TUNNELS
from tests.support.expectations import expected
from tests.support.render import ORDERS

SERVICE = ORDERS["service_name"]
ALB = "alb.ingress.kubernetes.io"
NAMESPACES = {"staging": f"{SERVICE}-staging", "production": SERVICE}
# The sets of a database in the cluster, which has a namespace of its own, and so short names.
OF_DATABASE = ("database/", "restored/")
HOSTS = {"staging": f"staging.{SERVICE}.example.com", "production": f"{SERVICE}.example.com"}
CLUSTER_WIDE = {
    "Namespace",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ImageValidatingPolicy",
    "ClusterImagePolicy",
}


@pytest.fixture(params=ENVIRONMENTS)
def environment(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def overlay(kubernetes: Rendered, environment: str) -> list[Manifest]:
    return kubernetes.overlay(environment)


def deployments(kubernetes: Rendered) -> Iterator[tuple[str, list[Manifest], Manifest]]:
    """Each set with a Deployment, by name, and the Deployment in it."""
    for name, manifests in kubernetes.sets.items():
        for deployment in of_kind(manifests, "Deployment"):
            yield name, manifests, deployment


def pod(manifests: list[Manifest]) -> Manifest:
    template: Manifest = one(manifests, "Deployment")["spec"]["template"]
    return template


def container(manifests: list[Manifest]) -> dict[str, Any]:
    (only,) = pod(manifests)["spec"]["containers"]
    return dict(only)


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether a label selector, in its short form or with `matchLabels`, selects these labels."""
    expressions = selector.get("matchExpressions", [])
    assert all(one["operator"] == "DoesNotExist" for one in expressions), "this test knows no other operators"
    wanted: dict[str, str] = selector.get("matchLabels", selector)
    return wanted.items() <= labels.items() and not labels.keys() & {one["key"] for one in expressions}


def has_database(kubernetes: Rendered) -> bool:
    return bool(kubernetes.answers["database"] != "none")


def has_cache(kubernetes: Rendered) -> bool:
    return bool(kubernetes.answers.get("cache", "none") != "none")


def ports_of(manifests: list[Manifest]) -> dict[str, int]:
    return {port["name"]: port["containerPort"] for port in container(manifests)["ports"]}


def test_everything_is_labelled(kubernetes: Rendered) -> None:
    for name, manifests in kubernetes.sets.items():
        whose = "part-of" if name.startswith(OF_DATABASE) else "name"
        wanted = {f"app.kubernetes.io/{whose}": SERVICE, "app.kubernetes.io/managed-by": "kustomize"}
        for manifest in manifests:
            labels = manifest["metadata"].get("labels", {})
            assert wanted.items() <= labels.items(), f"{name}: {name_of(manifest)} has the labels {labels}"
    wanted = {"app.kubernetes.io/name": SERVICE, "app.kubernetes.io/managed-by": "kustomize"}
    for name, _, deployment in deployments(kubernetes):
        assert wanted.items() <= deployment["spec"]["template"]["metadata"]["labels"].items(), f"{name}: pods"


def test_everything_is_in_its_environment(kubernetes: Rendered) -> None:
    for name, manifests in kubernetes.sets.items():
        if name == "policy":
            assert {m["kind"] for m in manifests} <= CLUSTER_WIDE
        for manifest in manifests:
            own = "-database" if name.startswith(OF_DATABASE) else ""
            wanted = None if manifest["kind"] in CLUSTER_WIDE else NAMESPACES[name.split("/")[1]] + own
            assert manifest["metadata"].get("namespace") == wanted, f"{name}: {name_of(manifest)}"


def test_nothing_is_said_twice(kubernetes: Rendered) -> None:
    for name, manifests in kubernetes.sets.items():
        names = [(m["apiVersion"], name_of(m)) for m in manifests]
        assert len(names) == len(set(names)), name


def test_a_deployment_selects_its_pods(kubernetes: Rendered) -> None:
    for name, _, deployment in deployments(kubernetes):
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert selects(deployment["spec"]["selector"], labels), name
        for spread in deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]:
            assert selects(spread["labelSelector"], labels), f"{name}: {spread['topologyKey']}"


def service_of(manifests: list[Manifest]) -> Manifest:
    """The one that leads to the live pods: not a canary's, nor that of an Ingress, for what is closed."""
    (found,) = (
        service
        for service in of_kind(manifests, "Service")
        if "selector" in service["spec"]
        and service["metadata"]["labels"].get("app.kubernetes.io/component") != "canary"
    )
    return found


def test_the_service_leads_to_a_port_of_its_pods(overlay: list[Manifest]) -> None:
    service = service_of(overlay)
    assert selects(service["spec"]["selector"], pod(overlay)["metadata"]["labels"]), "the Service selects no pod"
    for port in service["spec"]["ports"]:
        assert port["targetPort"] in ports_of(overlay), f"no port of the pods is called {port['targetPort']}"


def test_probes_ask_what_the_contract_says(overlay: list[Manifest]) -> None:
    paths = {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    for probe, path in paths.items():
        asked = container(overlay)[probe]["httpGet"]
        assert asked["path"] == path, probe
        assert asked["port"] in ports_of(overlay), f"{probe}: no port is called {asked['port']}"


def test_network_policies_are_about_pods_and_ports_that_exist(kubernetes: Rendered, overlay: list[Manifest]) -> None:
    tunnel = TUNNELS.get(kubernetes.answers["kubernetes_mesh"])  # the mesh's own: tests/kubernetes/test_mesh.py
    policies = [policy for policy in of_kind(overlay, "NetworkPolicy") if not of_migration(policy)]
    for policy in policies:
        assert selects(policy["spec"]["podSelector"], pod(overlay)["metadata"]["labels"]), name_of(policy)
        assert set(policy["spec"].keys()) - {"podSelector", "policyTypes"} <= {
            direction.lower() for direction in policy["spec"]["policyTypes"]
        }, f"{name_of(policy)} has rules for a direction that it does not name"
        for rule in policy["spec"].get("ingress", []):
            for port in rule["ports"]:
                assert port["port"] in {*ports_of(overlay), tunnel}, (
                    f"{name_of(policy)}: no port is called {port['port']}"
                )
    deny = next(policy["spec"] for policy in policies if policy["metadata"]["name"] == f"{SERVICE}-default-deny")
    assert deny.keys() == {"podSelector", "policyTypes"}, "it allows something"
    assert deny["policyTypes"] == ["Ingress", "Egress"]


def test_two_services_can_share_a_namespace(kubernetes: Rendered) -> None:
    """What one applies is never the other's: https://github.com/alphagov/verify-proxy-node/pull/290."""
    for name, manifests in kubernetes.sets.items():
        if name.startswith(OF_DATABASE):
            continue  # tests/kubernetes/test_database.py: in a namespace of its own, whoever else shares the service's
        for manifest in manifests:
            if manifest["kind"] != "Namespace":
                assert re.fullmatch(rf"{SERVICE}(-.+)?", manifest["metadata"]["name"]), f"{name}: {name_of(manifest)}"
        for policy in of_kind(manifests, "NetworkPolicy"):
            part = "-migrate" if of_migration(policy) else "-backup" if name.startswith("backup/") else ""
            pods = f"{SERVICE}{part}"
            assert policy["spec"]["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": pods}}, name


def test_prometheus_is_let_in_where_it_is_to_come(kubernetes: Rendered, overlay: list[Manifest]) -> None:
    watched = kubernetes.answers["kubernetes_monitoring"] == "prometheus-operator"
    assert len(of_kind(overlay, "ServiceMonitor")) == watched
    policies = {policy["metadata"]["name"] for policy in of_kind(overlay, "NetworkPolicy")}
    assert (f"{SERVICE}-allow-prometheus" in policies) == watched
    for monitor in of_kind(overlay, "ServiceMonitor"):
        service = service_of(overlay)
        assert selects(monitor["spec"]["selector"], service["metadata"]["labels"]), "it selects no Service"
        for endpoint in monitor["spec"]["endpoints"]:
            assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}, "a port of the Service"
            assert endpoint.get("path", "/metrics") == "/metrics"


def backends(manifest: Manifest) -> Iterator[tuple[str, Any]]:
    for rule in manifest["spec"]["rules"]:
        for backend in rule.get("backendRefs", []):
            yield backend["name"], backend["port"]
        for path in rule.get("http", {}).get("paths", []):
            service = path["backend"]["service"]
            if service["port"].get("name") == "use-annotation":  # the load balancer answers itself
                assert f"{ALB}/actions.{service['name']}" in manifest["metadata"]["annotations"]
                continue
            yield service["name"], service["port"].get("name") or service["port"]["number"]


def within(way: Manifest) -> bool:
    """Whether it is for callers inside, and so not on the way in."""
    return any(parent.get("kind") == "Service" for parent in way["spec"].get("parentRefs", []))


def test_the_way_in_leads_to_the_service(kubernetes: Rendered, overlay: list[Manifest], environment: str) -> None:
    service = service_of(overlay)
    ports = {value for port in service["spec"]["ports"] for value in (port["name"], port["port"])}
    names = {one["metadata"]["name"] for one in of_kind(overlay, "Service")}
    entrances = [way for way in of_kind(overlay, "HTTPRoute", "Ingress") if not within(way)]
    kinds = {"gateway": ["HTTPRoute"], "ingress": ["Ingress"], "alb": ["Ingress"], "none": []}
    assert [m["kind"] for m in entrances] == kinds[kubernetes.answers["kubernetes_exposure"]]
    for entrance in entrances:
        for name, port in backends(entrance):
            assert name in names, f"{name_of(entrance)}: there is no Service {name}"
            assert port in ports, f"{name_of(entrance)}: the Service has no port {port}"
        hosts = [rule["host"] for rule in entrance["spec"]["rules"] if "host" in rule]
        assert (hosts or entrance["spec"]["hostnames"]) == [HOSTS[environment]]
        for certificate in entrance["spec"].get("tls", []):
            assert certificate["hosts"] == [HOSTS[environment]], "the certificate is for another host"


def test_metrics_and_readiness_are_not_for_callers(overlay: list[Manifest]) -> None:
    """Of rules that match, the longest path counts: https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule."""
    for route in (way for way in of_kind(overlay, "HTTPRoute") if not within(way)):
        closed, led = route["spec"]["rules"]
        assert [match["path"]["value"] for match in closed["matches"]] == ["/metrics", "/readyz"]
        assert closed.keys() == {"matches"}, "a rule without backends answers with an error"
        assert led.keys() - {"timeouts"} == {"backendRefs"}


def exposed(kubernetes: Rendered, exposure: str) -> bool:
    return bool(kubernetes.answers["kubernetes_exposure"] == exposure)


def test_the_ingress_leads_what_is_internal_nowhere(kubernetes: Rendered, overlay: list[Manifest]) -> None:
    """Of paths that match, the longest counts: https://kubernetes.io/docs/concepts/services-networking/ingress."""
    if not exposed(kubernetes, "ingress"):
        return
    paths = one(overlay, "Ingress")["spec"]["rules"][0]["http"]["paths"]
    closed = f"{SERVICE}-closed"
    led = {path["path"]: path["backend"]["service"]["name"] for path in paths}
    assert led == {"/metrics": closed, "/readyz": closed, "/": SERVICE}
    assert {path["pathType"] for path in paths} == {"Prefix"}
    (nowhere,) = (service for service in of_kind(overlay, "Service") if service["metadata"]["name"] == closed)
    assert "selector" not in nowhere["spec"], "it may lead to pods"


def test_the_load_balancer_answers_404_for_what_is_internal(kubernetes: Rendered, overlay: list[Manifest]) -> None:
    """Of prefixes, the controller puts the longest first, from 2.4.3 on.

    https://github.com/kubernetes-sigs/aws-load-balancer-controller/issues/3413
    """
    if not exposed(kubernetes, "alb"):
        return
    ingress = one(overlay, "Ingress")
    paths = ingress["spec"]["rules"][0]["http"]["paths"]
    assert {path["pathType"] for path in paths} == {"Prefix"}
    led = {path["path"]: path["backend"]["service"] for path in paths}
    closed = {"name": "not-found", "port": {"name": "use-annotation"}}
    assert led == {"/metrics": closed, "/readyz": closed, "/": {"name": SERVICE, "port": {"name": "http"}}}
    action = json.loads(ingress["metadata"]["annotations"][f"{ALB}/actions.not-found"])
    assert (action["type"], action["fixedResponseConfig"]["statusCode"]) == ("fixed-response", "404")


def test_the_load_balancer_speaks_tls_to_callers(kubernetes: Rendered, overlay: list[Manifest]) -> None:
    if not exposed(kubernetes, "alb"):
        return
    ingress = one(overlay, "Ingress")
    said = {name.removeprefix(f"{ALB}/"): value for name, value in ingress["metadata"]["annotations"].items()}
    assert ingress["spec"]["ingressClassName"] == "alb"
    assert json.loads(said["listen-ports"]) == [{"HTTP": 80}, {"HTTPS": 443}]
    assert said["ssl-redirect"] == "443"
    assert said["ssl-policy"].startswith("ELBSecurityPolicy-TLS13-1-2-")
    assert all(isinstance(value, str) for value in said.values()), "the API server takes strings alone"


def test_a_pod_answers_for_as_long_as_it_gets_requests(kubernetes: Rendered, overlay: list[Manifest]) -> None:
    """A load balancer sends for a while to what it is taking off, and lets requests end.

    https://github.com/kubernetes-sigs/aws-load-balancer-controller/issues/1064
    """
    sleep = container(overlay)["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod(overlay)["spec"]["terminationGracePeriodSeconds"] == sleep + 30
    if not exposed(kubernetes, "alb"):
        assert sleep == 5
        return
    (name, delay) = one(overlay, "Ingress")["metadata"]["annotations"][f"{ALB}/target-group-attributes"].split("=")
    assert name == "deregistration_delay.timeout_seconds"
    assert 30 <= int(delay) < sleep <= 45, "shorter than a request may take, or longer than the pod waits"


def test_the_load_balancer_asks_pods_as_that_of_ecs_asks_tasks(
    kubernetes: Rendered, overlay: list[Manifest], rendered: Callable[[Answers], Path]
) -> None:
    if not exposed(kubernetes, "alb"):
        return
    said = one(overlay, "Ingress")["metadata"]["annotations"]
    assert said[f"{ALB}/target-type"] == "ip"
    ecs = (rendered({"language": "python", "orchestrator": "ecs"}) / "deploy/ecs/load-balancer.yml").read_text()
    names = {
        "HealthCheckPath": "healthcheck-path", "HealthCheckIntervalSeconds": "healthcheck-interval-seconds",
        "HealthCheckTimeoutSeconds": "healthcheck-timeout-seconds", "HealthyThresholdCount": "healthy-threshold-count",
        "UnhealthyThresholdCount": "unhealthy-threshold-count", "HttpCode": "success-codes",
    }  # fmt: skip
    for there, here in names.items():
        found = re.search(rf'{there}: "?([^"\n]+)', ecs)
        assert found, there
        assert said[f"{ALB}/{here}"] == found[1], here


def test_the_load_balancer_s_subnets_alone_may_call(rendered: Callable[[Answers], Path]) -> None:
    blocks = ["10.20.0.0/20", "2001:db8:1:2::/64"]
    project = rendered(
        {
            "language": "go", "orchestrator": "kubernetes", "kubernetes_exposure": "alb",
            "kubernetes_alb_subnets": ",".join(blocks),
        }
    )  # fmt: skip
    policy = yaml.safe_load((project / "deploy/kubernetes/base/network/allow-ingress.yml").read_text())
    (rule,) = policy["spec"]["ingress"]
    assert rule["from"] == [{"ipBlock": {"cidr": block}} for block in blocks]


def test_the_number_of_instances_can_grow_and_a_node_can_be_drained(kubernetes: Rendered) -> None:
    for name, manifests, deployment in deployments(kubernetes):
        autoscaler, budget = one(manifests, "HorizontalPodAutoscaler")["spec"], one(manifests, "PodDisruptionBudget")
        target = autoscaler["scaleTargetRef"]
        assert (target["apiVersion"], target["kind"]) == (deployment["apiVersion"], deployment["kind"])
        assert target["name"] == deployment["metadata"]["name"], f"{name}: {target['name']} is not there to be scaled"
        assert 1 <= autoscaler["minReplicas"] <= autoscaler["maxReplicas"], name
        assert selects(budget["spec"]["selector"], deployment["spec"]["template"]["metadata"]["labels"]), name
        # how many may go of the fewest that run: with none, a node waits for ever
        assert "minAvailable" not in budget["spec"], f"{name}: minAvailable may forbid every drain"
        assert min(budget["spec"]["maxUnavailable"], autoscaler["minReplicas"]) >= 1, name
        if name.startswith("overlays/"):
            assert "replicas" not in deployment["spec"], "a deployment would overrule the autoscaler"
    assert one(kubernetes.overlay("production"), "HorizontalPodAutoscaler")["spec"]["minReplicas"] >= 2


def test_requests_fit_into_limits(kubernetes: Rendered) -> None:
    for name, manifests, _ in deployments(kubernetes):
        resources = container(manifests)["resources"]
        assert resources["requests"].keys() == resources["limits"].keys() == {"cpu", "memory", "ephemeral-storage"}, (
            name
        )
        for what, asked in resources["requests"].items():
            assert 0 < quantity(asked) <= quantity(resources["limits"][what]), f"{name}: {what}"


def references(manifests: list[Manifest]) -> Iterator[tuple[str, str]]:
    """What the pods need by name: kind and name."""
    spec = pod(manifests)["spec"]
    yield "ServiceAccount", spec["serviceAccountName"]
    for secret in spec.get("imagePullSecrets", []):
        yield "Secret", secret["name"]
    for volume in spec["volumes"]:
        if "secret" in volume:
            yield "Secret", volume["secret"]["secretName"]
        if "configMap" in volume:
            yield "ConfigMap", volume["configMap"]["name"]
    for source in container(manifests).get("envFrom", []):
        for key, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if key in source:
                yield kind, source[key]["name"]
    for variable in container(manifests).get("env", []):
        assert "valueFrom" not in variable, "a secret comes as a file, a setting from the ConfigMap"


def test_what_the_pods_need_is_there(kubernetes: Rendered) -> None:
    needs = {"database": has_database(kubernetes), "cache": has_cache(kubernetes)}
    documented = {
        ("Secret", f"{SERVICE}-{name}") for name, needed in needs.items() if needed
    }  # their keys: url, password
    for name, manifests, _ in deployments(kubernetes):
        made = {(m["kind"], m["metadata"]["name"]) for m in manifests}
        missing = set(references(manifests)) - made - documented
        assert not missing, f"{name}: nobody makes {missing}"
        assert documented <= set(references(manifests)), name
        assert not of_kind(manifests, "Secret"), f"{name}: no secret is kept in the repository"


def test_the_documented_secret_is_what_is_read_and_made(kubernetes: Rendered, environment: str) -> None:
    manifests = kubernetes.overlay(environment)
    secrets = ["database", "database-owner"] if has_database(kubernetes) else []
    secrets += ["cache"] if has_cache(kubernetes) else []
    external = sorted(
        of_kind(manifests, "ExternalSecret"), key=lambda one: secrets.index(one["metadata"]["name"][len(SERVICE) + 1 :])
    )
    made = secrets if kubernetes.answers["kubernetes_secrets"] == "external-secrets" else []
    assert [one["spec"]["target"]["name"] for one in external] == [f"{SERVICE}-{name}" for name in made]
    for secret, name in zip(external, made, strict=True):
        assert secret["metadata"]["name"] == f"{SERVICE}-{name}"
        assert [entry["secretKey"] for entry in secret["spec"]["data"]] == ["url", "password"]
        keys = {entry["remoteRef"]["key"] for entry in secret["spec"]["data"]}
        assert keys == {f"{SERVICE}/{environment}/{name}"}, "another environment's secret, or the other role's"
    if not secrets:
        assert not [v for v in container(manifests)["env"] if v["name"].startswith(("DATABASE", "CACHE"))]
        return
    files = {
        variable["value"].rpartition("/")
        for variable in container(manifests)["env"]
        if variable["name"].endswith("_FILE")
    }
    mounts = [m for m in container(manifests)["volumeMounts"] if m["name"] in secrets]
    assert [mount["name"] for mount in mounts] == [name for name in secrets if name != "database-owner"]
    assert files == {(mount["mountPath"], "/", key) for mount in mounts for key in ("url", "password")}


def patches(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(folder.rglob("kustomization.yml")):
        for patch in yaml.safe_load(path.read_text()).get("patches", []):
            yield path, patch


def test_each_patch_meets_an_object(kubernetes: Rendered) -> None:
    """Kustomize says nothing where a target selects none."""
    deploy = kubernetes.project / "deploy/kubernetes"
    seen = 0
    for path, patch in patches(deploy):
        kind = path.relative_to(deploy).parts[0]
        sets = "overlays" if kind == "slots" else kind
        assert patch["target"].keys() <= {"kind", "name"}, f"{path}: this test knows no other targets"
        for environment in ENVIRONMENTS:
            found = [
                manifest
                for manifest in of_kind(kubernetes.sets[f"{sets}/{environment}"], patch["target"]["kind"])
                if patch["target"].get("name") in {None, manifest["metadata"]["name"]}
            ]
            assert len(found) == 1, f"{path}: {patch['target']} selects {[name_of(m) for m in found]}"
        seen += 1
    assert seen >= len(ENVIRONMENTS)


def masked(manifests: list[Manifest], environment: str) -> Any:
    """An environment less its names and numbers."""
    text = json.dumps([m for m in manifests if m["kind"] not in {"PrometheusRule", "ConfigMap"}], sort_keys=True)
    text = text.replace(f'"{HOSTS[environment]}"', '"HOST"').replace(f"{SERVICE}/{environment}/", f"{SERVICE}/ENV/")
    text = text.replace(f'"namespace": "{NAMESPACES[environment]}"', '"namespace": "NAMESPACE"')
    text = re.sub(r'"(minReplicas|maxReplicas)": \d+', r'"\1": 0', text)
    text = re.sub(rf'"{SERVICE}-[a-z0-9]{{10}}"', '"CONFIG"', text)
    return json.loads(text)


def test_staging_is_production_but_for_names_and_numbers(kubernetes: Rendered) -> None:
    staging, production = (masked(kubernetes.overlay(name), name) for name in ENVIRONMENTS)
    assert staging == production
    settings = [settings_of(kubernetes.overlay(name))["data"].keys() for name in ENVIRONMENTS]
    assert settings[0] == settings[1], "a setting that only one of them has"


def test_the_image_is_the_one_that_was_pushed(kubernetes: Rendered) -> None:
    image = expected("registry", kubernetes.answers["registry"])["image"]
    for name, manifests, _ in deployments(kubernetes):
        wanted = f"{image}@{DIGEST}" if name.startswith("deployed/") else image
        assert container(manifests)["image"] == wanted, name
    for path in (kubernetes.project / "deploy").rglob("*.yml"):
        text = re.sub(r"(^|\s)#.*|'images must be.*", "", path.read_text())
        assert "latest" not in text.replace("value: latest\n", ""), path  # which is restic's word for its newest backup
        assert not re.search(rf"{re.escape(image)}:\w", text), f"{path}: an image by its tag"


def test_each_environment_gets_the_pods_that_the_contract_wants(kubernetes: Rendered) -> None:
    terms = of_kubernetes(kubernetes.project)
    assert terms.grace == 30
    for _, manifests, _ in deployments(kubernetes):
        spec = pod(manifests)["spec"]
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & spec.keys()
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


def slots(answers: Answers) -> list[str]:
    return ["blue", "green"] if answers["deployment_strategy"] != "rolling" else []


def test_a_new_version_starts_beside_the_old_one(kubernetes: Rendered, environment: str) -> None:
    both = slots(kubernetes.answers)
    lives = [name.rpartition("/")[2] for name in kubernetes.sets if name.startswith(f"deployed/{environment}/")]
    assert sorted(lives) == sorted(["first", *both])
    for live in lives:
        manifests = kubernetes.sets[f"deployed/{environment}/{live}"]
        deployment, service = one(manifests, "Deployment"), service_of(manifests)
        own, selected = deployment["spec"]["selector"]["matchLabels"]["slot"], service["spec"]["selector"]["slot"]
        assert deployment["spec"]["template"]["metadata"]["labels"]["slot"] == own
        if not both:
            assert (deployment["metadata"]["name"], own, selected) == (SERVICE, "main", "main")
            continue
        new = "green" if live == "blue" else "blue"
        assert (deployment["metadata"]["name"], own) == (f"{SERVICE}-{new}", new), "it would take the other one's pods"
        assert selected == (new if live == "first" else live), "the Service has moved"
        assert deployment["spec"].get("replicas") == (None if live == "first" else 3), "not as wide as the old one"


def test_the_canary_is_one_pod_beside_the_others(kubernetes: Rendered, tmp_path: Path) -> None:
    """With their policies, but out of reach of the Service, the autoscaler and the Deployment."""
    rolling = kubernetes.answers["deployment_strategy"] == "rolling"
    assert (kubernetes.project / "deploy/kubernetes/slots/canary").exists() == rolling
    if not rolling:
        return
    scratch = Path(shutil.copytree(kubernetes.project / "deploy", tmp_path / "deploy"))
    (scratch / "kustomization.yml").write_text(
        "resources: [kubernetes/overlays/production]\ncomponents: [kubernetes/slots/canary]\n"
    )
    manifests = parsed(kustomize(scratch))
    canary = one(manifests, "Deployment")
    labels = canary["spec"]["template"]["metadata"]["labels"]
    assert canary["metadata"]["name"] == f"{SERVICE}-canary"
    assert "replicas" not in canary["spec"]
    assert selects(canary["spec"]["selector"], labels)
    assert not selects(service_of(manifests)["spec"]["selector"], labels)
    usual = one(kubernetes.overlay("production"), "Deployment")
    assert not selects(usual["spec"]["selector"], labels)
    for policy in of_kind(manifests, "NetworkPolicy"):
        assert of_migration(policy) or selects(policy["spec"]["podSelector"], labels)
    canary["spec"]["selector"] = usual["spec"]["selector"]
    canary["spec"]["template"]["metadata"]["labels"]["slot"] = "main"
    assert canary["spec"] == usual["spec"], "what is tested is not what is rolled out"

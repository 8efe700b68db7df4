"""Services of one repository that call each other: both sides agree, and nobody else gets in."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kubernetes.test_manifests import selects, service_of
from tests.services.repository import add, answers_file, files, update
from tests.services.test_lint import compose
from tests.support.aws.cloudformation import load, resolve
from tests.support.cluster.manifests import ENVIRONMENTS, Manifest, kustomize, of_kind, one, parsed, settings_of
from tests.support.render import commit, render
from tests.support.tools import run

# The page calls the shop, which calls two others: one on the usual port, one on a port of its own.
SERVICES: dict[str, dict[str, Any]] = {
    "page": {"language": "web", "calls": ["shop"]},
    "shop": {"language": "python", "calls": ["orders", "payments:8080"], "called_by": ["page"]},
    "orders": {"language": "python", "called_by": ["shop"], "kubernetes_exposure": "none"},
    "payments": {"language": "go", "called_by": ["shop"], "deployment_strategy": "blue-green"},
}
CALLS = [("page", "shop", "BACKEND_URL"), ("shop", "orders", "ORDERS_URL"), ("shop", "payments", "PAYMENTS_URL")]


@pytest.fixture(scope="module")
def apart(plain_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A namespace each."""
    return made(plain_template, tmp_path_factory.mktemp("apart"))


@pytest.fixture(scope="module")
def joined(plain_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One namespace for all."""
    return made(plain_template, tmp_path_factory.mktemp("joined"), kubernetes_namespace="mall")


@pytest.fixture(scope="module")
def fargate(plain_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(plain_template, tmp_path_factory.mktemp("fargate"), orchestrator="ecs")


def made(template: Path, folder: Path, **answers: Any) -> Path:
    for name, own in SERVICES.items():
        add(template, folder, name, **{"orchestrator": "kubernetes"} | own | answers)
    return folder


# A host


def test_services_that_share_a_host_meet_in_a_network_of_the_two(plain_template: Path, tmp_path: Path) -> None:
    folder = made(plain_template, tmp_path, orchestrator="compose", shared_host=True)
    stacks = {
        name: yaml.safe_load((folder / f"services/{name}/deploy/compose/compose.prod.yaml").read_text())
        for name in SERVICES
    }
    pairs = {f"{callee}_from_{caller}" for caller, callee, _ in CALLS}
    common = {
        key for stack in stacks.values() for key, network in stack["networks"].items() if network and "name" in network
    }
    assert common == pairs | {"shared_proxy"}
    for caller, callee, setting in CALLS:
        pair = f"{callee}_from_{caller}"
        for slot in ("blue", "green"):
            assert pair in stacks[caller]["services"][slot]["networks"]
            assert stacks[caller]["services"][slot]["environment"][setting] == f"http://{callee}"
        assert stacks[callee]["services"]["proxy"]["networks"][pair] == {"aliases": [callee]}
        members = {
            (name, key)
            for name, stack in stacks.items()
            for key, service in stack["services"].items()
            if pair in service["networks"]
        }
        assert members == {(caller, "blue"), (caller, "green"), (callee, "proxy")}
        for name in (caller, callee):
            assert pair in (folder / f"services/{name}/deploy/compose/shared-proxy.sh").read_text(), (
                "who is first makes it"
            )
        assert f"\nhttp://{callee} {{\n" in (folder / f"services/{callee}/deploy/compose/Caddyfile").read_text()


# Kubernetes


@pytest.fixture(params=["apart", "joined"])
def cluster(request: pytest.FixtureRequest) -> dict[tuple[str, str], list[Manifest]]:
    """Service and environment to all that is deployed of it."""
    repository: Path = request.getfixturevalue(request.param)
    return {
        (name, environment): parsed(kustomize(repository / f"services/{name}/deploy/kubernetes/overlays/{environment}"))
        for name in SERVICES
        for environment in ENVIRONMENTS
    }


def pods(manifests: list[Manifest]) -> tuple[str, dict[str, str]]:
    """Namespace and labels of a service's pods."""
    deployment = one(manifests, "Deployment")
    return deployment["metadata"]["namespace"], deployment["spec"]["template"]["metadata"]["labels"]


def meets(peer: dict[str, Any], namespace: str, labels: dict[str, str]) -> bool:
    """Whether a peer of a policy is this pod: the two selectors of one entry hold together."""
    assert peer.keys() == {"namespaceSelector", "podSelector"}
    return selects(peer["namespaceSelector"], {"kubernetes.io/metadata.name": namespace}) and selects(
        peer["podSelector"], labels
    )


def rules(manifests: list[Manifest], direction: str, word: str) -> Iterator[tuple[dict[str, Any], Any]]:
    """Each peer that is a pod, with the ports of its rule."""
    _, labels = pods(manifests)
    for policy in of_kind(manifests, "NetworkPolicy"):
        if selects(policy["spec"]["podSelector"], labels):
            for rule in policy["spec"].get(direction, []):
                for peer in rule.get(word, []):
                    if "podSelector" in peer and peer.get("namespaceSelector") != {}:  # Prometheus may be anywhere
                        yield peer, rule["ports"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_policies_of_both_sides_let_a_call_pass_and_no_other(
    cluster: dict[tuple[str, str], list[Manifest]], environment: str
) -> None:
    allowed = set()
    for caller, callee in ((a, b) for a in cluster for b in cluster if a[0] != b[0]):
        leaves = [
            ports for peer, ports in rules(cluster[caller], "egress", "to") if meets(peer, *pods(cluster[callee]))
        ]
        enters = [
            ports for peer, ports in rules(cluster[callee], "ingress", "from") if meets(peer, *pods(cluster[caller]))
        ]
        if caller[1] != callee[1]:
            assert not leaves, "from one environment to the other"
            assert not enters
        elif leaves or enters:
            container = one(cluster[callee], "Deployment")["spec"]["template"]["spec"]["containers"][0]
            (port,) = container["ports"]
            assert leaves == [[{"port": port["containerPort"], "protocol": "TCP"}]]
            assert enters == [[{"port": port["name"]}]]
            allowed.add((caller[0], callee[0], caller[1]))
    assert {call[:2] for call in allowed if call[2] == environment} == {call[:2] for call in CALLS}


def test_a_label_alone_opens_nothing(apart: Path) -> None:
    """The API server says what a namespace is called.

    https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-metadata-name
    """
    manifests = parsed(kustomize(apart / "services/orders/deploy/kubernetes/overlays/production"))
    _, labels = pods(parsed(kustomize(apart / "services/shop/deploy/kubernetes/overlays/production")))
    assert not [peer for peer, _ in rules(manifests, "ingress", "from") if meets(peer, "elsewhere", labels)]
    assert not [peer for peer, _ in rules(manifests, "ingress", "from") if meets(peer, "shop", {})]


def test_a_service_that_names_its_callers_is_open_to_them_alone(apart: Path) -> None:
    """Without them, one that is not exposed admits every pod of the cluster."""
    manifests = parsed(kustomize(apart / "services/orders/deploy/kubernetes/overlays/production"))
    everybody = [
        policy["metadata"]["name"]
        for policy in of_kind(manifests, "NetworkPolicy")
        for rule in policy["spec"].get("ingress") or []
        if {"namespaceSelector": {}} in rule["from"]
    ]
    assert everybody == []


def test_a_setting_says_where_the_called_service_is(cluster: dict[tuple[str, str], list[Manifest]]) -> None:
    for caller, callee, setting in CALLS:
        for environment in ENVIRONMENTS:
            settings = settings_of(cluster[caller, environment])
            service = service_of(cluster[callee, environment])
            where = service["metadata"]
            assert settings["data"][setting] == f"http://{where['name']}.{where['namespace']}.svc"
            assert "LOG_LEVEL" in settings["data"], "the owner's own"
            assert service["spec"]["ports"][0]["port"] == 80


def test_the_service_selects_by_the_label_that_the_policies_name(
    cluster: dict[tuple[str, str], list[Manifest]],
) -> None:
    """Amazon's plugin lets a call to a Service pass only then: https://github.com/kubernetes/website/issues/43954."""
    for _, callee, _ in CALLS:
        manifests = cluster[callee, "production"]
        assert service_of(manifests)["spec"]["selector"]["app.kubernetes.io/name"] == callee


# ECS


def resources(repository: Path, name: str, stack: str, environment: str = "staging") -> dict[str, dict[str, Any]]:
    return resolve(load(repository / f"services/{name}/deploy/ecs/{stack}.yml"), {"Environment": environment})


def exports(repository: Path, name: str, stack: str) -> set[str]:
    outputs = load(repository / f"services/{name}/deploy/ecs/{stack}.yml").get("Outputs", {})
    return {
        one["Export"]["Name"]["Fn::Sub"].replace("${Environment}", "staging")
        for one in outputs.values()
        if "Export" in one
    }


def test_cfn_lint_finds_nothing_in_services_that_call_each_other(fargate: Path) -> None:
    templates = [str(path) for path in fargate.glob("services/*/deploy/ecs/*.yml")]
    assert len([path for path in templates if path.endswith(("namespace.yml", "callers.yml"))]) == 7
    run(["cfn-lint", "--include-checks", "I", "--", *templates])


def test_service_connect_leads_from_the_setting_to_the_port(fargate: Path) -> None:
    for caller, callee, setting in CALLS:
        task = resources(fargate, caller, "service")["TaskDefinition"]["Properties"]["ContainerDefinitions"][0]
        address = {entry["Name"]: entry["Value"] for entry in task["Environment"]}[setting]
        called = resources(fargate, callee, "service")
        connected = called["Service"]["Properties"]["ServiceConnectConfiguration"]
        (served,) = connected["Services"]
        assert served["ClientAliases"] == [{"DnsName": address.removeprefix("http://"), "Port": 80}]
        (port,) = called["TaskDefinition"]["Properties"]["ContainerDefinitions"][0]["PortMappings"]
        assert (port["Name"], port["AppProtocol"]) == (served["PortName"], "http")
        client = resources(fargate, caller, "service")["Service"]["Properties"]["ServiceConnectConfiguration"]
        assert client["Namespace"] == connected["Namespace"]
    page = resources(fargate, "page", "service")["Service"]["Properties"]["ServiceConnectConfiguration"]
    assert "Services" not in page, "nobody calls it"


def test_a_request_may_take_as_long_through_the_proxy_as_without(fargate: Path) -> None:
    """Its own limit is 15 s, and it keeps a connection for 300: docs/contract.md has 30, and 75."""
    connected = resources(fargate, "orders", "service")["Service"]["Properties"]["ServiceConnectConfiguration"]
    timeout = connected["Services"][0]["Timeout"]
    assert timeout["PerRequestTimeoutSeconds"] > 30
    assert timeout["PerRequestTimeoutSeconds"] < timeout["IdleTimeoutSeconds"] < 75


def test_one_namespace_is_made_alike_by_each_that_takes_part(fargate: Path) -> None:
    """ECS makes another one where it gets a name that it does not know: https://github.com/aws/aws-cdk/issues/25616."""
    texts = {(fargate / f"services/{name}/deploy/ecs/namespace.yml").read_bytes() for name in SERVICES}
    assert len(texts) == 1, "the setup of one would change what another made"
    for name in SERVICES:
        connected = resources(fargate, name, "service")["Service"]["Properties"]["ServiceConnectConfiguration"]
        assert {connected["Namespace"]} == exports(fargate, name, "namespace") == {"shop-front-staging-namespace"}


def test_the_group_of_a_called_service_admits_its_callers_and_the_load_balancer(fargate: Path) -> None:
    for name, own in SERVICES.items():
        stack = fargate / f"services/{name}/deploy/ecs/callers.yml"
        assert stack.exists() == ("called_by" in own)
        if not stack.exists():
            continue
        admitted = [one["Properties"] for one in resources(fargate, name, "callers").values()]
        port = resources(fargate, name, "service")["TaskDefinition"]["Properties"]["ContainerDefinitions"][0]
        (port,) = port["PortMappings"]
        assert len(admitted) == len(own["called_by"])
        for rule, caller in zip(admitted, own["called_by"], strict=True):
            assert rule["GroupId"] in exports(fargate, name, "load-balancer")
            assert rule["SourceSecurityGroupId"] in exports(fargate, caller, "load-balancer")
            assert rule["FromPort"] == rule["ToPort"] == port["ContainerPort"]


def test_a_task_has_room_for_the_proxy(fargate: Path) -> None:
    """256 CPU units and 64 MiB: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-connect-concepts-deploy.html."""
    for name in SERVICES:
        task = resources(fargate, name, "service")["TaskDefinition"]["Properties"]
        assert int(task["Cpu"]) - 256 >= 256
        assert int(task["Memory"]) - 64 >= 256


def test_setup_makes_the_namespace_first_and_the_callers_last(fargate: Path, tmp_path: Path) -> None:
    aws = tmp_path / "aws"
    aws.write_text(
        "#!/usr/bin/env bash\n"
        'case "$*" in\n'
        "  sts*) echo 123456789012 ;;\n"
        '  *" deploy "*) [[ $* =~ --stack-name\\ ([^ ]+).*--template-file\\ ([^ ]+) ]]\n'
        '    echo "${BASH_REMATCH[1]} ${BASH_REMATCH[2]##*/}" >>"$STACKS"\n'
        '    [[ ${BASH_REMATCH[1]} != "${BROKEN:-}" ]] ;;\n'
        "  *describe-stacks*) echo 'Stack does not exist' >&2; exit 254 ;;\n"
        "esac\n"
    )
    aws.chmod(0o755)
    folder = fargate / "services/shop"
    path = folder / "deploy/ecs/parameters/staging.json"
    before = path.read_text()
    ids = before.replace("0000000000000000", "1111111111111111").replace('Id": "0"', 'Id": "1"')
    environment = os.environ | {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "STACKS": str(tmp_path / "stacks"),
    }

    def setup(**more: str) -> tuple[int, list[str]]:
        (tmp_path / "stacks").unlink(missing_ok=True)
        done = subprocess.run(
            ["deploy/ecs/setup.sh", "staging"], cwd=folder, env=environment | more, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        return done.returncode, (tmp_path / "stacks").read_text().splitlines()

    path.write_text(ids)
    try:
        stacks = ("bootstrap", "load-balancer", "alarms", "callers")
        expected = ["shop-front-staging-namespace namespace.yml", *(f"shop-staging-{one} {one}.yml" for one in stacks)]
        assert setup() == (0, expected)
        assert setup(BROKEN="shop-front-staging-namespace") == (1, expected[:1])
    finally:
        path.write_text(before)


def test_a_setting_of_calls_is_not_set_twice(fargate: Path, tmp_path: Path) -> None:
    script = "here=deploy/ecs environment=staging service=shop; source deploy/ecs/stack.sh; with_settings"
    config = fargate / "services/shop/deploy/ecs/config/staging.env"
    before = config.read_text()
    config.write_text("ORDERS_URL=http://elsewhere\n")
    try:
        done = subprocess.run(
            ["bash", "-c", script], cwd=fargate / "services/shop", capture_output=True, text=True, check=False
        )
    finally:
        config.write_text(before)
    assert done.returncode != 0
    assert "sets ORDERS_URL, which deploy/ecs/service.yml does" in done.stderr


# A developer's machine


def test_in_the_stack_a_service_is_called_by_its_name(apart: Path) -> None:
    services = compose(apart)["services"]
    for caller, callee, setting in CALLS:
        target = services[callee]["ports"][0]
        assert services[caller]["environment"][setting] == f"http://{callee}:{target['target']}"
        assert "default" in services[caller]["networks"].keys() & services[callee]["networks"].keys()
        # and outside of it on its port of this machine
        script = (apart / f"services/{caller}/scripts/dev.sh").read_text()
        assert f"export {setting}=http://127.0.0.1:{target['published']} #" in script


def test_env_has_the_last_word_on_where_a_service_is(apart: Path) -> None:
    settings = apart / "services/shop/.env"
    settings.write_text("ORDERS_URL=http://elsewhere:9000\n")
    try:
        environment = compose(apart / "services/shop")["services"]["shop"]["environment"]
    finally:
        settings.unlink()
    assert environment["ORDERS_URL"] == "http://elsewhere:9000"
    assert environment["PAYMENTS_URL"] == "http://payments:8080"


# The answers


@pytest.mark.parametrize(
    ("language", "answer", "said"),
    [
        *(
            ("go", {"calls": calls}, "use a list of other services' names")
            for calls in ("orders", "[Orders]", "[shop]", "[orders, orders]", "[orders, 'orders:8080']", "[orders:80]",
                          "[orders:65536]", "[orders:x]", "[database]", "[1]", "{orders: 8080}", "[[orders]]", "[null]")
        ),
        *(
            ("go", {"called_by": calls}, "use a list of other services' names")
            for calls in ("orders", "[Orders]", "[shop]", "[orders, orders]", "[orders:8080]", "{orders: 1}")
        ),
        ("web", {"calls": "[orders, payments]"}, "a page has one back end"),
    ],
)  # fmt: skip
def test_what_is_no_list_of_neighbours_is_refused(
    plain_template: Path, tmp_path: Path, language: str, answer: dict[str, str], said: str
) -> None:
    with pytest.raises(ValueError, match=said) as refusal:
        add(plain_template, tmp_path / "shop", "shop", language=language, orchestrator="ecs", **answer)
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "shop").exists()


@pytest.mark.parametrize("answer", ["calls", "called_by"])
def test_a_service_with_a_repository_to_itself_has_no_neighbours(
    plain_template: Path, tmp_path: Path, answer: str
) -> None:
    with pytest.raises(ValueError, match="say where it is by service_path"):
        render(plain_template, tmp_path / "shop", service_name="shop", orchestrator="ecs", **{answer: ["orders"]})
    assert not (tmp_path / "shop").exists()


def test_only_one_of_several_is_asked_for_its_neighbours(plain_template: Path, tmp_path: Path) -> None:
    add(plain_template, tmp_path, "here", orchestrator="compose")
    add(plain_template, tmp_path, "there", orchestrator="ecs")
    apart = tmp_path / "apart"
    apart.mkdir()
    (apart / "compose.yaml").touch()
    add(plain_template, apart, "alone", service_path=".", orchestrator="kubernetes")
    where = {"alone": apart, "here": tmp_path, "there": tmp_path}
    kept = {name: yaml.safe_load((folder / answers_file(name)).read_text()) for name, folder in where.items()}
    assert {name: sorted({"calls", "called_by"} & answers.keys()) for name, answers in kept.items()} == {
        "alone": [], "here": ["calls"], "there": ["called_by", "calls"],
    }  # fmt: skip


def test_a_call_comes_and_goes_with_its_answer(template: Path, tmp_path: Path) -> None:
    repository = tmp_path / "shop"
    for name in ("shop", "orders"):
        add(template, repository, name, language="go", orchestrator="kubernetes")
    commit(repository, "Start from the template")
    before = files(repository)
    update(repository, "shop", calls=["orders:8080"])
    update_of_orders = files(repository)
    assert {path for path in update_of_orders if before.get(path) != update_of_orders[path]} == {
        ".copier-answers.shop.yml",
        *(f"services/shop/{path}" for path in (
            "deploy/README.md", "docker-compose.yml", "scripts/dev.sh",
            *(f"deploy/kubernetes/overlays/{environment}/{file}" for environment in ENVIRONMENTS
              for file in ("calls.yml", "kustomization.yml")),
        )),
    }  # fmt: skip
    commit(repository, "Call orders")
    update(repository, "shop", calls=[])
    assert files(repository) == before

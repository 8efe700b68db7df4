"""deploy/compose, read: what production runs is what development runs, and no more is reachable."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from shipshape.template import Answers

from tests.contract.artefacts import compose
from tests.services.repository import add
from tests.support.render import ORDERS, render
from tests.support.tools import run


@pytest.fixture
def project(rendered: Callable[[Answers], Path]) -> Path:
    return rendered({"language": "go", "orchestrator": "compose"})


@pytest.fixture
def stack(project: Path) -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((project / "deploy/compose/compose.prod.yaml").read_text())
    return parsed


def test_production_equals_development(project: Path, stack: dict[str, Any]) -> None:
    development = compose(project)["services"]
    own = {"ports", "build", "image", "pull_policy", "depends_on", "develop", "env_file", "volumes"}
    added = {"networks", "restart", "logging", "env_file", "profiles"}
    for here, there in (("blue", "app"), ("green", "app"), ("migrate", "migrate"), ("database", "database")):
        more = added | own | ({"stop_grace_period"} if here == "migrate" else set())
        production = {key: value for key, value in stack["services"][here].items() if key not in more}
        assert production == {k: v for k, v in development[there].items() if k not in own}, here
    *_, roles = stack["services"]["database"]["volumes"]
    assert roles.removeprefix("./") == development["database"]["volumes"][-1].removeprefix("./deploy/database/")
    assert stack["services"]["database"]["image"] == development["database"]["image"]


def test_image_is_pinned_by_digest(stack: dict[str, Any]) -> None:
    for slot in ("blue", "green", "migrate"):
        image = stack["services"][slot]["image"]
        assert image == f"ghcr.io/octo-org/shop/orders-api@${{{slot.upper()}_DIGEST:-none}}"
    assert not [name for name, service in stack["services"].items() if "build" in service]


def test_only_the_proxy_publishes_ports(stack: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in stack["services"].items() if "ports" in service}
    assert published.keys() == {"proxy"}
    assert {port for port in published["proxy"] if not port.startswith("127.0.0.1:")} == {"80:80", "443:443"}
    assert stack["networks"]["back"] == {"internal": True}
    assert stack["services"]["database"]["networks"] == stack["services"]["migrate"]["networks"] == ["back"]
    assert stack["services"]["proxy"]["networks"] == ["front"]


def test_containers_are_hardened_restarted_and_rotate_logs(stack: dict[str, Any]) -> None:
    hardened(stack)


def hardened(stack: dict[str, Any]) -> None:
    for name, service in stack["services"].items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["restart"] == ("no" if name == "migrate" else "unless-stopped"), name
        assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}, name
        assert service["logging"]["options"].keys() == {"max-size", "max-file", "labels"}, name
    assert {name: s["cap_add"] for name, s in stack["services"].items() if "cap_add" in s} == {
        "proxy": ["NET_BIND_SERVICE"]
    }


def test_each_environment_has_its_name(project: Path) -> None:
    for environment, site in (("production", "{}.example.com"), ("staging", "staging.{}.example.com")):
        text = (project / f"deploy/compose/{environment}.env").read_text()
        assert f"\nSITE={site.format(ORDERS['service_name'])}\n" in text


def test_no_other_orchestrator_has_these_files(rendered: Callable[[Answers], Path]) -> None:
    assert not (rendered({"language": "go", "orchestrator": "kubernetes"}) / "deploy/compose").exists()


def test_compose_knows_all_that_it_says(project: Path) -> None:
    path = project / "deploy/compose/compose.prod.yaml"
    run(["check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)])


# Several services on a host


@pytest.fixture(scope="module")
def neighbours(plain_template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders deploy/compose of two services that share a host."""
    folder = tmp_path_factory.mktemp("neighbours")
    for name, database in (("orders", "postgres"), ("payments", "none")):
        add(plain_template, folder, name, language="go", orchestrator="compose", shared_host=True, database=database)
    return {name: folder / f"services/{name}/deploy/compose" for name in ("orders", "payments")}


def read(path: Path) -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load(path.read_text())
    return parsed


def test_the_shared_proxy_alone_has_the_ports(neighbours: dict[str, Path]) -> None:
    taken = []
    for name, folder in neighbours.items():
        shared, own = read(folder / "shared-proxy.yaml"), read(folder / "compose.prod.yaml")
        assert shared["services"]["proxy"]["ports"] == ["80:80", "443:443"]
        assert shared["services"]["proxy"]["image"] == own["services"]["proxy"]["image"]
        published = {key: service["ports"] for key, service in own["services"].items() if "ports" in service}
        assert published.keys() == {"proxy"}
        assert [port.rpartition(":")[2] for port in published["proxy"]] == ["9180", "9181"]
        taken += [port.removeprefix("127.0.0.1:").partition(":")[0] for port in published["proxy"]]
        (tested,) = re.findall(r"-L \"127.0.0.1:\$port:127.0.0.1:(\d+)\"", (folder / "deploy.sh").read_text())
        assert tested == taken[-1]
        on_it = {key for key, service in own["services"].items() if "shared_proxy" in service["networks"]}
        assert on_it == {"proxy"}, "no service, nor its database"
        assert own["services"]["proxy"]["networks"]["shared_proxy"] == {"aliases": [f"{name}-proxy"]}
        assert own["networks"]["shared_proxy"]["name"] == shared["networks"]["shared_proxy"]["name"]
        hardened(shared)
        hardened(own)
    assert len({int(port) for port in taken if 24999 < int(port) < 30000}) == 4
    assert set(volumes(neighbours["orders"])) == {"database"}
    assert volumes(neighbours["payments"]) == {}


def volumes(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = read(folder / "compose.prod.yaml").get("volumes", {})
    return found


def test_what_a_host_runs_is_sent_there(neighbours: dict[str, Path], project: Path) -> None:
    """Whatever release.sh reads, of a service that has its host for itself as of one that shares it."""
    for folder in (*neighbours.values(), project / "deploy/compose"):
        sent = set(re.findall(r"[\w.-]+\.(?:sh|yaml)\b|[\w.-]*Caddyfile", one_of("send_files", folder / "deploy.sh")))
        for name in sent & {path.name for path in folder.iterdir()}:
            text = (folder / name).read_text()
            wanted = re.findall(r'^source "(?:\$here|\$\(dirname "\$0"\))/([\w.-]+)"', text, re.MULTILINE)
            wanted += re.findall(r"cp --remove-destination ([\w.-]+) ", text)
            assert set(wanted) <= sent, name
        shared = {path.name for path in folder.glob("shared-proxy.*")}
        assert shared <= sent
        assert bool(shared) == (folder in neighbours.values())


def one_of(function: str, path: Path) -> str:
    found = re.search(rf"^{function}\(\) \{{.*?^\}}", path.read_text(), re.MULTILINE | re.DOTALL)
    assert found
    return found[0]


def test_the_files_of_the_shared_proxy_are_as_compose_and_caddy_want_them(neighbours: dict[str, Path]) -> None:
    for name in ("shared-proxy.yaml", "compose.prod.yaml"):
        path = neighbours["payments"] / name
        run(["check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)])
    first, second = ((folder / "shared-proxy.Caddyfile").read_bytes() for folder in neighbours.values())
    assert first == second


def test_a_service_with_its_repository_to_itself_shares_no_host(plain_template: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="say where it is by service_path"):
        render(plain_template, tmp_path / "orders", **ORDERS, orchestrator="compose", shared_host=True)

"""deploy/compose, read: what production runs is what development runs, and no more is reachable."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from shipshape.template import Answers

from tests.contract.artefacts import compose
from tests.support.render import ORDERS
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
    for name, service in stack["services"].items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["restart"] == ("no" if name == "migrate" else "unless-stopped"), name
        assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}, name
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}, name
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

"""Two services in one repository: what a push changes is built and deployed, and the other's is left alone."""

import subprocess
from pathlib import Path

import pytest

from tests.events.conftest import REGISTRY, hosted, namespace
from tests.events.github import GitHub
from tests.pipeline.run import SOURCE, claims
from tests.services.repository import add
from tests.support.sigstore import Sigstore
from tests.support.tools import go_tool

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def shop(plain_template: Path, keyless: Sigstore, tmp_path_factory: pytest.TempPathFactory) -> GitHub:
    folder = tmp_path_factory.mktemp("services")
    repository = folder / "shop"
    for name in ("orders", "payments"):
        add(
            plain_template, repository, name, language="go", repository=SOURCE, registry="private",
            registry_host=REGISTRY, image_namespace=namespace(folder),
        )  # fmt: skip
    return hosted(folder, repository, keyless, *(repository / f"services/{name}" for name in ("orders", "payments")))


def tags(github: GitHub, service: str) -> set[str]:
    image = f"{REGISTRY}/{namespace(github.folder)}/{service}"
    found = subprocess.run([go_tool("crane"), "ls", image], capture_output=True, text=True, check=False)
    return {tag for tag in found.stdout.split() if not tag.startswith("sha256-")}


def test_a_push_builds_and_deploys_the_service_that_it_changes(shop: GitHub, keyless: Sigstore) -> None:
    """The check to require of the other one is reported, too, and green."""
    before = shop.head
    head = shop.commit("Another page", **{"services/payments/Dockerfile": dockerfile(shop)})
    shop.variables |= {"ORDERS_DEPLOY": "true", "PAYMENTS_DEPLOY": "true"}
    push = {"ref": "refs/heads/main", "before": before}

    untouched = shop.send("push", "orders-ci", payload=push).succeeded()
    assert untouched.results == {"changes": "success", "ci": "success"}
    assert untouched.notes == []
    assert tags(shop, "orders") == set()

    identity = claims(head, workflow="payments-build.yml")
    changed = shop.send("push", "payments-ci", payload=push, identity=keyless.environment(**identity)).succeeded()
    assert {"changes", "image", "scan", "publish", "ci", "deploy"} == set(changed.results)
    (dispatched,) = changed.asked("dispatch")
    assert dispatched["arguments"].startswith("payments-deploy.yml ")
    assert tags(shop, "payments") == {f"sha-{head[:12]}"}
    assert tags(shop, "orders") == set()


def dockerfile(github: GitHub) -> str:
    return (github.repository / "services/payments/Dockerfile").read_text() + "# Changed.\n"

"""A database in the cluster by the page's commands, on a real API server that knows CloudNativePG's kinds.

The operator itself runs in operated/. What it does in between is played here: it says that a cluster is ready,
and starts the pod of one that is restored, with a PostgreSQL.
"""

import json
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.test_backup import pushed
from tests.support import engine
from tests.support.cluster import get, kubeconfig, kubectl, wait_until
from tests.support.cluster.schemas import DEFINITIONS, module
from tests.support.render import ORDERS, TEMPLATE, document, render

pytestmark = pytest.mark.engine

OPERATOR, PLUGIN = (next(name for name in DEFINITIONS if part in name) for part in ("cloudnative-pg@", "barman-cloud@"))
PATHS = {OPERATOR: [*DEFINITIONS[OPERATOR], "config/crd/bases/postgresql.cnpg.io_backups.yaml"]}
PATHS[PLUGIN] = DEFINITIONS[PLUGIN]
READY = {
    "type": "Ready",
    "status": "True",
    "reason": "Played",
    "message": "",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}
START = """
initdb --pgdata=/tmp/data --username=postgres && pg_ctl --pgdata=/tmp/data --options='-k /tmp' --wait start
createdb app && psql app --command 'CREATE TABLE orders (id int)' && sleep infinity
"""


@dataclass(frozen=True)
class Played:
    """A service's repository, the namespace of its database in staging, and the operator's part."""

    project: Path
    namespace: str
    image: str

    def follow(self, heading: str, block: int = 0) -> str:
        """Run a block of the page; answers what it printed."""
        commands = document.shell(self.project, heading, {}, block)
        done = document.run(self.project, commands, engine.environment() | {"KUBECONFIG": str(kubeconfig())})
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def ready(self, name: str) -> None:
        """As soon as there is a cluster of this name: a pod of it, and then it is ready."""
        here = ("--namespace", self.namespace)
        wait_until(name, lambda: "NotFound" not in kubectl(*here, "get", "cluster", name, check=False))
        kubectl(*here, "create", "--filename=-", stdin=json.dumps(self.pod(f"{name}-1")))
        kubectl(*here, "wait", "--for=condition=Ready", "--timeout=120s", f"pod/{name}-1")
        status = json.dumps({"status": {"conditions": [READY]}})
        kubectl(*here, "patch", "cluster", name, "--subresource=status", "--type=merge", f"--patch={status}")

    def pod(self, name: str) -> dict[str, Any]:
        rights = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        user = {"runAsNonRoot": True, "runAsUser": 999, "seccompProfile": {"type": "RuntimeDefault"}}
        container = {
            "name": "postgres", "image": self.image, "command": ["sh", "-ec", START], "securityContext": rights | user,
            "env": [{"name": "PGHOST", "value": "/tmp"}, {"name": "PGUSER", "value": "postgres"}],  # noqa: S108
            "readinessProbe": {"exec": {"command": ["psql", "app", "--command", "SELECT FROM orders"]}},
        }  # fmt: skip
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container]}}


@pytest.fixture(scope="module")
def played(cluster: Path, plain_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    name = f"owned-{secrets.token_hex(2)}"
    project = render(
        plain_template, tmp_path_factory.mktemp(name) / name, **ORDERS | {"service_name": name}, language="go",
        orchestrator="kubernetes", kubernetes_database="cloudnative-pg",
    )  # fmt: skip
    made = [f"--filename={module(name) / path}" for name, paths in PATHS.items() for path in paths]
    postgres = TEMPLATE.table("pins")["images"]["postgres"].partition("@")[0]
    namespaces = [f"{name}-staging-database", f"{name}-database"]
    try:
        kubectl("apply", "--server-side", *made)
        kubectl("wait", "--for=condition=Established", "--timeout=60s", *made)
        yield Played(project, namespaces[0], pushed(postgres, postgres))
    finally:
        kubectl("delete", "namespace", *namespaces, "--ignore-not-found", "--timeout=120s")
        kubectl("delete", "--ignore-not-found", "--wait=false", *made)


def test_it_is_set_up_and_restored_as_the_page_says(played: Played) -> None:
    """In one, for each step stands on the one before it."""
    played.follow("Database")
    for role in ("app", "owner"):
        secret = get(played.namespace, "secret", role)
        assert (secret["type"], secret["data"].keys()) == ("kubernetes.io/basic-auth", {"username", "password"})
        assert secret["metadata"]["labels"] == {"cnpg.io/reload": "true"}
    assert get(played.namespace, "secret", "bucket")["data"].keys() == {"ACCESS_KEY_ID", "ACCESS_SECRET_KEY"}

    with ThreadPoolExecutor() as operator:
        done = operator.submit(played.ready, "database")
        said = played.follow("Database", block=1)
        done.result()
    for made in (
        "cluster.postgresql",
        "scheduledbackup.postgresql",
        "objectstore.barmancloud",
        "podmonitor.monitoring",
    ):
        assert f"{made}." in said
    # What the operator starts here has to be as restricted as that pod was.
    pod = played.pod("privileged")
    pod["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    answer = kubectl("--namespace", played.namespace, "create", "--filename=-", stdin=json.dumps(pod), check=False)
    assert 'violates PodSecurity "restricted' in answer

    with ThreadPoolExecutor() as operator:
        done = operator.submit(played.ready, "database-2")
        said = played.follow("Restore")
        done.result()
    assert "orders" in said
    clusters = {one["metadata"]["name"]: one["spec"] for one in get(played.namespace, "cluster")["items"]}
    assert clusters.keys() == {"database", "database-2"}, "the first one is as it was"
    assert clusters["database-2"]["bootstrap"].keys() == {"recovery"}

    # Once more, as after an update; and production.
    played.follow("Database", block=1)
    kubectl("apply", f"--kustomize={played.project / 'deploy/kubernetes/database/production'}")

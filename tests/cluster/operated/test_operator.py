"""A database in the cluster, made by CloudNativePG's own operator of what is rendered, and a service that uses it.

What its plugin does is in test_restore.py. How it broke for others:
- a policy that keeps the operator from port 8000, or an instance from the API server, so that nothing gets ready:
  https://github.com/cloudnative-pg/cloudnative-pg/issues/6025, https://github.com/cloudnative-pg/cloudnative-pg/issues/1191
- a namespace that is `restricted`: https://github.com/cloudnative-pg/cloudnative-pg/issues/2821
- Secrets that come after the cluster, and roles without a password: https://github.com/cloudnative-pg/cloudnative-pg/issues/8905
- the primary goes, and writers wait for standbys for ever: https://github.com/cloudnative-pg/cloudnative-pg/issues/5257,
  or the old one never comes back: https://github.com/cloudnative-pg/cloudnative-pg/issues/2435
- a new image, for which the primary is restarted in the place of a switchover, or keeps the old one:
  https://github.com/cloudnative-pg/cloudnative-pg/issues/7069, https://github.com/cloudnative-pg/cloudnative-pg/issues/3584
- one instance that no drain gets rid of: https://github.com/cloudnative-pg/charts/issues/233
"""

import json
import re
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.cluster.test_network import PROBE, got_through, probe, pushed_probe, reaches
from tests.support.cluster import get, kubectl, wait_until
from tests.support.cluster.cloudnative_pg import push_postgres
from tests.support.cluster.owned import LOADED, Owned

pytestmark = pytest.mark.engine


def ask(owned: Owned, method: str, path: str, body: object = None) -> tuple[int, str]:
    """Waits for longer than the service waits for a database that is silent: 11 s."""
    with closing(HTTPConnection(*owned.release.address(), timeout=30)) as connection:
        connection.request(method, path, json.dumps(body) if body else None, {"content-type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def names(owned: Owned) -> list[str]:
    status, body = ask(owned, "GET", "/items")
    assert status == 200, body
    return [item["name"] for item in json.loads(body)["items"]]


def write(owned: Owned, name: str) -> None:
    """As soon as it can be; a service answers 503 while its database is away, and then no pod of it is ready.

    409 says that an earlier request has done it, whose answer was 503: it waited for a standby to confirm it.
    """

    def taken() -> bool:
        try:
            return ask(owned, "POST", "/items", {"name": name, "quantity": 1})[0] in {201, 409}
        except ConnectionRefusedError:
            return False

    wait_until(f"{name} to be written", taken, LOADED)
    assert name in names(owned)


def test_the_service_has_its_database_with_tls_and_copies(owned: Owned) -> None:
    assert ask(owned, "GET", "/readyz")[0] == 200
    write(owned, "first")
    clients = owned.sql(
        "SELECT DISTINCT usename, ssl FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) WHERE client_addr IS NOT NULL"
    )
    assert clients.splitlines() == ["app|t", "streaming_replica|t"]
    copies = owned.sql("SELECT application_name, state, sync_state FROM pg_stat_replication ORDER BY 1").splitlines()
    standbys = [name for name in owned.instances() if name != owned.primary()]
    assert copies == [f"{name}|streaming|quorum" for name in standbys]
    for name in standbys:
        wait_until(name, lambda name=name: owned.sql("SELECT count(*) FROM items", pod=name) == "1", LOADED)  # type: ignore[misc]


@pytest.mark.parametrize("environment", ["production", "staging"])
def test_each_role_can_do_its_part_alone(owned: Owned, environment: str) -> None:
    """By their passwords, over the network; in staging the Secrets were not there when the cluster was made."""
    status = get(owned.namespace(environment), "cluster", "database")["status"]["managedRolesStatus"]
    assert status["byStatus"]["reconciled"] == ["app"]
    assert "cannotReconcile" not in status
    for role, limit in (("owner", "0"), ("app", "10s")):  # which the operator, who keeps the role, leaves alone
        assert owned.connect(environment, role, "SHOW statement_timeout") == limit
    assert owned.connect(environment, "owner", "CREATE TABLE tried (id int)") == "CREATE TABLE"
    assert owned.connect(environment, "app", "INSERT INTO tried VALUES (1)") == "INSERT 0 1"
    for query, complaint in {
        "ALTER TABLE tried ADD more int": "must be owner of table tried",
        "DROP TABLE tried": "must be owner of table tried",
        "CREATE TABLE another (id int)": "permission denied for schema public",
    }.items():
        assert complaint in owned.connect(environment, "app", query)
    assert owned.connect(environment, "owner", "DROP TABLE tried") == "DROP TABLE"
    assert "no encryption" in owned.connect(environment, "app", "SELECT 1", sslmode="disable")


def test_a_password_that_changes_is_the_role_s(owned: Owned) -> None:
    for role in ("app", "owner"):
        secret = json.dumps({"stringData": {"password": f"another-{role}"}})
        kubectl("--namespace", owned.namespace("staging"), "patch", "secret", role, f"--patch={secret}")
    for role in ("app", "owner"):
        wait_until(role, lambda role=role: owned.connect("staging", role, "SELECT 1") == "1", LOADED)  # type: ignore[misc]


def test_who_reaches_it(owned: Owned) -> None:
    database = f"database-rw.{owned.namespace('production')}.svc"
    assert reaches(owned.release, database, 5432)
    image = pushed_probe()
    callers = {
        owned.elsewhere: owned.release.name,
        f"{owned.elsewhere}-prometheus": "prometheus",
        owned.release.namespace("production"): "beside",
    }
    address = owned.pods()[0]["status"]["podIP"]
    reached = set()
    for namespace, label in callers.items():
        kubectl("--namespace", namespace, "create", "--filename=-", stdin=probe(image, label))
    for namespace, label in callers.items():
        kubectl("--namespace", namespace, "wait", "--for=condition=Ready", f"pod/{PROBE}", "--timeout=60s")
        for host, port in ((database, 5432), *((address, port) for port in (5432, 8000, 9187))):
            code = f"import socket; socket.create_connection(({host!r}, {port}), timeout=3)"
            said = kubectl("--namespace", namespace, "exec", PROBE, "--", "python3", "-c", code, check=False)
            reached |= {(label, port)} if got_through(said) else set()
    assert reached == {("prometheus", 9187)}


def test_prometheus_finds_what_the_alerts_ask_for(owned: Owned) -> None:
    """The port's name in the PodMonitor, and the series; the kubelet's apart."""
    space = owned.namespace()
    monitor = get(space, "podmonitor", "database")["spec"]
    (end,) = monitor["podMetricsEndpoints"]
    (key,) = (one["key"] for one in monitor["selector"]["matchExpressions"])
    pods = get(space, "pods", f"--selector={key},cnpg.io/podRole=instance")["items"]
    assert len(pods) == 3
    text = ""
    for pod in pods:
        ports = {port["name"]: port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]}
        url = f"http://{pod['status']['podIP']}:{ports[end['port']]}/metrics"
        code = f"import urllib.request as r; print(r.urlopen({url!r}, timeout=5).read().decode())"
        text += kubectl("--namespace", f"{owned.elsewhere}-prometheus", "exec", PROBE, "--", "python3", "-c", code)
    rules = (owned.release.project / "deploy/kubernetes/database/production/alerts.yml").read_text()
    wanted = set(re.findall(r"\b(?:cnpg|barman)_\w+(?={)", rules))
    assert len(wanted) == 5
    assert wanted <= set(re.findall(r"^((?:cnpg|barman)_\w+)", text, re.MULTILINE))


def test_one_instance_alone_may_be_evicted_and_has_its_data_after(owned: Owned) -> None:
    """As a drain does it; of three, the primary may not."""
    owned.sql("CREATE TABLE kept AS SELECT 1 AS id", "staging")
    before = owned.instances("staging")
    assert owned.evict("staging", "database-1") == ""
    wait_until("another pod", lambda: owned.instances("staging").items() != before.items(), LOADED)
    owned.healthy("staging")
    assert owned.sql("SELECT id FROM kept", "staging") == "1"
    assert "disruption budget" in owned.evict("production", owned.primary())


def test_a_standby_takes_the_primary_s_place(owned: Owned) -> None:
    """The service's pool stays connected to the one that ends, and has to let go."""
    write(owned, "before")
    before = owned.primary()
    kubectl("--namespace", owned.namespace(), "delete", "pod", before, "--wait=false")
    wait_until("another primary", lambda: owned.primary() != before, LOADED)
    write(owned, "after")
    owned.healthy()
    assert owned.sql("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == "2"
    assert ask(owned, "GET", "/readyz")[0] == 200
    assert {"first", "before", "after"} <= set(names(owned))


def test_a_newer_image_comes_to_the_standbys_first(owned: Owned, tmp_path: Path) -> None:
    before, primary = owned.instances(), owned.primary()
    image = push_postgres(tmp_path, "LABEL newer=yes")
    owned.change_image(image)
    owned.follow("Database", "production", block=1)
    wait_until("the new image", lambda: owned.images() == {image}, LOADED)
    owned.healthy()
    assert owned.primary() != primary
    assert not owned.instances().items() & before.items()
    write(owned, "newer")
    assert {"first", "before", "after"} <= set(names(owned))

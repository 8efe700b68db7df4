"""A database in the cluster, by CloudNativePG: what its operator and its plugin are told.

How it broke for others, each held by a test here:
- a restored cluster that archives where the first one did: https://github.com/cloudnative-pg/plugin-barman-cloud/issues/350,
  https://github.com/cloudnative-pg/cloudnative-pg/issues/6470
- network policies that keep the operator from asking an instance how it is, and an instance from the API server:
  https://github.com/cloudnative-pg/cloudnative-pg/issues/6025, https://github.com/cloudnative-pg/cloudnative-pg/issues/1191
- one instance alone, and a budget that keeps its node from being drained, for weeks:
  https://github.com/cloudnative-pg/cloudnative-pg/issues/10566, https://github.com/tuist/once/pull/221
- stores other than AWS's refuse the checksums: https://github.com/cozystack/cozystack/pull/3417,
  https://github.com/cloudnative-pg/cloudnative-pg/issues/7715
- an alert on the metric of backups that were not made by the plugin, which stands still:
  https://github.com/cloudnative-pg/cloudnative-pg/issues/8902
- two Secrets say the password of the owner: https://github.com/cloudnative-pg/cloudnative-pg/issues/6762
- the role that asks for the metrics may not connect, and half of the series are missing, in silence:
  https://github.com/mmalyska/home-ops/pull/4715
- a pool of connections keeps a primary that shuts down from ending, for three minutes by default:
  https://github.com/cloudnative-pg/cloudnative-pg/issues/5338
"""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shipshape.template import Answers

from tests.support.cluster.manifests import ENVIRONMENTS, Manifest, Rendered, kustomize, of_kind, one, parsed, restored
from tests.support.render import ORDERS, name_of
from tests.support.render.answers import KUBERNETES

SERVICE = ORDERS["service_name"]
SECRETS = {"app", "owner", "bucket"}


def namespace(environment: str) -> str:
    return SERVICE if environment == "production" else f"{SERVICE}-staging"


def has(answers: Answers) -> bool:
    return (answers["database"], answers["kubernetes_database"]) == ("postgres", "cloudnative-pg")


WITH = [index for index, answers in enumerate(KUBERNETES) if has(answers)]


@pytest.fixture(params=WITH, ids=[name_of(KUBERNETES[index]) for index in WITH])
def database(request: pytest.FixtureRequest, put_together: Callable[[int], Rendered]) -> Rendered:
    return put_together(request.param)


def test_who_has_it_elsewhere_has_none_of_it(kubernetes: Rendered) -> None:
    folder = kubernetes.project / "deploy/kubernetes/database"
    assert folder.exists() == has(kubernetes.answers)


def secrets_in(node: Any) -> set[str]:
    """The names of Secrets that an object refers to."""
    if isinstance(node, list):
        return set().union(*map(secrets_in, node))
    if not isinstance(node, dict):
        return set()
    here = {str(node["name"])} if node.keys() == {"name", "key"} else set()
    here |= {node[key]["name"] for key in ("secret", "passwordSecret") if isinstance(node.get(key), dict)}
    return here.union(*map(secrets_in, node.values()))


def test_each_environment_has_one_of_its_own(database: Rendered) -> None:
    for environment in ENVIRONMENTS:
        manifests = database.sets[f"database/{environment}"]
        cluster = one(manifests, "Cluster")
        assert one(manifests, "Namespace")["metadata"]["name"] == f"{namespace(environment)}-database"
        places = {m["metadata"].get("namespace", m["metadata"]["name"]) for m in manifests}
        assert places == {f"{namespace(environment)}-database"}, "all that is the database's is beside it"
        assert re.fullmatch(r"ghcr.io/cloudnative-pg/postgresql:\S+@sha256:[0-9a-f]{64}", cluster["spec"]["imageName"])
        assert cluster["spec"]["enableSuperuserAccess"] is False
        assert cluster["spec"]["postgresql"]["pg_hba"][0] == "hostnossl all all all reject"
        assert cluster["spec"]["walStorage"]["size"]
        assert cluster["spec"]["smartShutdownTimeout"] < 30, "until then nobody gets in, and no standby takes over"
        instances, synchronous = cluster["spec"]["instances"], cluster["spec"]["postgresql"].get("synchronous")
        assert instances == (3 if environment == "production" else 1)
        assert (synchronous or {"number": 0})["number"] < instances, "CloudNativePG refuses as many as there are"
        assert bool(synchronous) == (environment == "production")
        path = one(manifests, "ObjectStore")["spec"]["configuration"]["destinationPath"]
        assert path.endswith(f"/{environment}")


def test_a_node_can_be_drained_and_a_zone_can_go(database: Rendered) -> None:
    for name in (f"{kind}/{environment}" for kind in ("database", "restored") for environment in ENVIRONMENTS):
        spec = one(database.sets[name], "Cluster")["spec"]
        assert spec.get("enablePDB", True) is (spec["instances"] > 1), name
        (zones,) = spec["topologySpreadConstraints"]
        assert zones["topologyKey"] == "topology.kubernetes.io/zone"
        assert "topologyKey" not in spec.get("affinity", {}), "the operator's own keeps them on nodes of their own"


def test_each_password_comes_from_one_secret(database: Rendered) -> None:
    for environment in ENVIRONMENTS:
        spec = one(database.sets[f"database/{environment}"], "Cluster")["spec"]
        managed = {role["name"]: role["passwordSecret"]["name"] for role in spec["managed"]["roles"]}
        assert managed == {"app": "app"}
        assert spec["bootstrap"]["initdb"]["owner"] not in managed


CHECKSUMS = {"AWS_REQUEST_CHECKSUM_CALCULATION": "when_required", "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required"}


@pytest.mark.parametrize(
    ("bucket", "endpoint", "path", "settings"),
    [
        ("s3://shop-backups", None, "s3://shop-backups", {}),
        ("https://s3.example.com/shop-backups", "https://s3.example.com", "s3://shop-backups", CHECKSUMS),
        ("https://10.0.0.9:9000/shop", "https://10.0.0.9:9000", "s3://shop", CHECKSUMS),
    ],
)
def test_the_bucket_may_be_anybodys(
    rendered: Callable[[Answers], Path], bucket: str, endpoint: str | None, path: str, settings: dict[str, str]
) -> None:
    project = rendered(KUBERNETES[WITH[0]] | {"kubernetes_database_bucket": bucket})
    for environment in ENVIRONMENTS:
        manifests = parsed(kustomize(project / "deploy/kubernetes/database" / environment))
        store = one(manifests, "ObjectStore")["spec"]
        assert store["configuration"].get("endpointURL") == endpoint
        assert store["configuration"]["destinationPath"] == f"{path}/{environment}"
        found = {entry["name"]: entry["value"] for entry in store["instanceSidecarConfiguration"].get("env", [])}
        assert found == settings
        *_, outside = one(manifests, "NetworkPolicy")["spec"]["egress"]
        others = {port["port"] for port in outside["ports"]} - {443, 6443}
        assert others == ({9000} if endpoint and endpoint.endswith(":9000") else set())
    assert f"`{bucket}`" in (project / "deploy/README.md").read_text()


def test_the_next_restore_of_one_environment_leaves_the_other_as_it_is(
    rendered: Callable[[Answers], Path], tmp_path: Path
) -> None:
    """Both are on ../restore; then deploy/README.md has staging's database-3 made from a copy of that folder."""
    project = rendered(KUBERNETES[WITH[0]])
    assert "copy the folder `restore` to `restore-3`" in (project / "deploy/README.md").read_text()
    folder = restored(project, "staging", tmp_path / "database").parent
    kustomizations = {one: folder / one / "kustomization.yml" for one in ("staging", "production")}
    for path in kustomizations.values():
        path.write_text(path.read_text().replace("- ../cluster", "- ../restore"))
    before = kustomize(folder / "production")
    copy = Path(shutil.copytree(folder / "restore", folder / "restore-3")) / "kustomization.yml"
    names = {"serverName: database}": "serverName: database-2}", "database-2": "database-3"}
    text = re.sub("|".join(names), lambda match: names[match[0]], copy.read_text())
    copy.write_text(text)
    kustomizations["staging"].write_text(kustomizations["staging"].read_text().replace("../restore", "../restore-3"))
    made = one(parsed(kustomize(folder / "staging")), "Cluster")
    assert made["metadata"]["name"] == "database-3"
    assert made["spec"]["externalClusters"][0]["plugin"]["parameters"]["serverName"] == "database-2"
    assert kustomize(folder / "production") == before


def test_a_moment_in_the_past_is_one_character_away(rendered: Callable[[Answers], Path], tmp_path: Path) -> None:
    folder = restored(rendered(KUBERNETES[WITH[0]]), "staging", tmp_path / "database")
    path = folder.parent / "restore/kustomization.yml"
    assert path.read_text().count("#recoveryTarget") == 1
    path.write_text(path.read_text().replace("#recoveryTarget", "recoveryTarget"))
    recovery = one(parsed(kustomize(folder)), "Cluster")["spec"]["bootstrap"]["recovery"]
    assert recovery["recoveryTarget"].keys() == {"targetTime"}


@pytest.mark.parametrize("secrets", ["kubectl", "external-secrets"])
def test_the_page_names_the_database_of_each_environment_and_where_its_secrets_are_changed(
    rendered: Callable[[Answers], Path], secrets: str
) -> None:
    answers = {key: value for key, value in KUBERNETES[WITH[0]].items() if key != "kubernetes_secret_store"}
    page = (rendered(answers | {"kubernetes_secrets": secrets}) / "deploy/README.md").read_text()
    for space in (f"{SERVICE}-staging-database", f"{SERVICE}-database"):
        assert f"database-rw.{space}.svc" in page
    _, _, restore = page.partition("### Restore\n")
    assert ("force-sync=" in restore) == (secrets == "external-secrets"), "what External Secrets owns it overwrites"
    assert (f"in the Secrets `{SERVICE}-database`" in restore) == (secrets == "kubectl")
    assert "with [Restore](#restore) in the place of applying the database" in page
    # Velero and Longhorn have backups, Cluster API has clusters: https://github.com/cloudnative-pg/cloudnative-pg/issues/6308
    assert not re.search(r"kubectl [^\n`]*\b(backups?|clusters?)(?![.\w-])", re.sub(r"#.*", "", page))


def test_services_that_share_a_namespace_do_not_share_their_databases(rendered: Callable[[Answers], Path]) -> None:
    project = rendered(KUBERNETES[WITH[0]] | {"kubernetes_namespace": "shop"})
    for environment, service in (("staging", "shop-staging"), ("production", "shop")):
        manifests = parsed(kustomize(project / "deploy/kubernetes/database" / environment))
        own = f"shop-{SERVICE}-staging-database" if environment == "staging" else f"shop-{SERVICE}-database"
        assert {m["metadata"].get("namespace", m["metadata"]["name"]) for m in manifests} == {own}
        caller = one(manifests, "NetworkPolicy")["spec"]["ingress"][0]["from"][0]["namespaceSelector"]
        assert caller == {"matchLabels": {"kubernetes.io/metadata.name": service}}
    page = (project / "deploy/README.md").read_text()
    assert f"@database-rw.shop-{SERVICE}-staging-database.svc:5432/app" in page
    assert "shop-staging-database" not in page


def test_what_backs_up_is_what_is_there(database: Rendered) -> None:
    for name in (f"{kind}/{environment}" for kind in ("database", "restored") for environment in ENVIRONMENTS):
        manifests = database.sets[name]
        cluster, backup, store = (one(manifests, kind) for kind in ("Cluster", "ScheduledBackup", "ObjectStore"))
        (plugin,) = cluster["spec"]["plugins"]
        assert plugin["isWALArchiver"] is True
        assert plugin["parameters"] == {"barmanObjectName": store["metadata"]["name"]}, "and so a folder of its name"
        assert backup["spec"]["cluster"]["name"] == cluster["metadata"]["name"]
        assert backup["spec"]["pluginConfiguration"]["name"] == plugin["name"]
        assert len(backup["spec"]["schedule"].split()) == 6, "with seconds"
        assert store["spec"]["retentionPolicy"] == "30d"


def test_a_restored_one_is_beside_the_first_and_archives_elsewhere(database: Rendered) -> None:
    for environment in ENVIRONMENTS:
        first = one(database.sets[f"database/{environment}"], "Cluster")
        second = one(database.sets[f"restored/{environment}"], "Cluster")
        assert second["metadata"]["name"] != first["metadata"]["name"]
        (before,) = second["spec"]["externalClusters"]
        assert second["spec"]["bootstrap"]["recovery"]["source"] == before["name"]
        assert before["plugin"]["parameters"]["serverName"] == first["metadata"]["name"]
        created, recovered = first["spec"]["bootstrap"]["initdb"], second["spec"]["bootstrap"]["recovery"]
        for key in ("database", "owner", "secret"):
            assert recovered[key] == created[key], "or the owner has a password of the operator's"
        differ = {"bootstrap", "externalClusters"}
        rest = [{key: m["spec"][key] for key in m["spec"].keys() - differ} for m in (first, second)]
        assert rest[0] == rest[1]


def test_the_service_and_what_runs_it_get_in_and_nobody_else(database: Rendered) -> None:
    for environment in ENVIRONMENTS:
        rules = one(database.sets[f"database/{environment}"], "NetworkPolicy")["spec"]
        served, standbys, operator, *scraped = rules["ingress"]
        assert rules["podSelector"] == {}
        (caller,) = served["from"]
        assert caller["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": namespace(environment)}
        (named,) = caller["podSelector"]["matchExpressions"]
        pods = database.sets[f"deployed/{environment}/first"] + database.sets[f"migrated/{environment}"]
        labels = [m["spec"]["template"]["metadata"]["labels"] for m in of_kind(pods, "Deployment", "Job")]
        assert {label[named["key"]] for label in labels} == set(named["values"])
        assert [port["port"] for port in served["ports"]] == [5432]
        assert standbys["from"] == [{"podSelector": {}}]
        assert 8000 in [port["port"] for port in operator["ports"]]
        assert len(scraped) == (database.answers["kubernetes_monitoring"] == "prometheus-operator")
        open_ports = {port["port"] for rule in rules["egress"] if "to" not in rule for port in rule["ports"]}
        assert open_ports == {443, 6443}, "the API server, by its Service and by itself, and the bucket"


def test_each_secret_comes_from_somewhere(database: Rendered) -> None:
    page = (database.project / "deploy/README.md").read_text()
    for environment in ENVIRONMENTS:
        manifests = database.sets[f"database/{environment}"]
        used = secrets_in([m for m in manifests if m["kind"] in {"Cluster", "ObjectStore"}])
        assert used == SECRETS
        made = {m["metadata"]["name"]: m for m in of_kind(manifests, "ExternalSecret")}
        if database.answers["kubernetes_secrets"] == "kubectl":
            assert not made
            assert "for role in app owner" in page
            assert "create secret generic bucket" in page
            continue
        assert made.keys() == SECRETS
        keys = {entry["remoteRef"]["key"] for m in made.values() for entry in m["spec"]["data"]}
        ends = ("database", "database-owner", "database-bucket")
        assert keys == {f"{SERVICE}/{environment}/{end}" for end in ends}


def test_the_address_on_the_page_is_that_of_the_primary(database: Rendered) -> None:
    page = (database.project / "deploy/README.md").read_text()
    cluster = one(database.sets["database/staging"], "Cluster")["metadata"]
    host = f"{cluster['name']}-rw.{cluster['namespace']}.svc"
    addresses = set(re.findall(r"postgresql://(?:app|owner)@([^:/]+):5432/app(\S*?)[` ]", page))
    assert addresses == {(host, "?sslmode=require")}


def test_its_roles_are_those_of_roles_sh(database: Rendered) -> None:
    """Which the integration tests and Compose use: what works there works here."""
    script = (database.project / "deploy/database/roles.sh").read_text()
    block = script.partition('SET ROLE :"owner";')[2].partition("RESET ROLE;")[0]
    said = [line.rstrip(";") for line in block.splitlines() if line and not line.startswith("--")]
    said = [re.sub(r':"(\w+)"', lambda name: {"database": "app", "user": "app"}[name[1]], line) for line in said]
    initdb = one(database.sets["database/staging"], "Cluster")["spec"]["bootstrap"]["initdb"]
    mine = [line.replace(" FOR ROLE owner", "") for line in initdb["postInitApplicationSQL"]]
    assert mine == [*said, "GRANT CONNECT ON DATABASE app TO pg_monitor"], "and the operator's own metrics"
    limits = re.findall(r'^ALTER ROLE :"user" (SET .+);$', script, re.MULTILINE)
    assert initdb["postInitSQL"] == ["CREATE ROLE app LOGIN", *(f"ALTER ROLE app {limit}" for limit in limits)]
    assert (initdb["database"], initdb["owner"]) == ("app", "owner")


def test_each_alert_is_on_the_page(database: Rendered) -> None:
    rules: list[Manifest] = of_kind(database.sets["database/production"], "PrometheusRule")
    assert len(rules) == (database.answers["kubernetes_monitoring"] == "prometheus-operator")
    page = (database.project / "deploy/README.md").read_text()
    for rule in (rule for manifest in rules for rule in manifest["spec"]["groups"][0]["rules"]):
        assert f"### {rule['alert']}\n" in page
        assert rule["annotations"]["runbook_url"].endswith(f"#{rule['alert'].lower()}")
        assert f'namespace="{SERVICE}-database"' in rule["expr"]


def test_no_dump_is_made_beside_it(database: Rendered) -> None:
    project: Path = database.project
    assert not (project / "deploy/kubernetes/backup").exists()
    assert "postgres:" not in (project / "deploy/policy/images.yml").read_text()
    for path in (project / "deploy/kubernetes/overlays").rglob("*.yml"):
        assert "BackupTooOld" not in path.read_text()

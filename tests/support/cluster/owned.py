"""A service whose database CloudNativePG makes in the cluster, in staging and in production."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.cluster import Release, barman_cloud, get, kubectl, wait_until
from tests.support.cluster.cloudnative_pg import disks, installed, push_postgres
from tests.support.engine.object_store import KEY, SECRET, buckets
from tests.support.render import ORDERS, document, render

HEALTHY = "Cluster in healthy state"
DISKS = {"5Gi": 9, "10Gi": 9}  # of three instances and of one, both restored, the one twice
ENVIRONMENTS = ("staging", "production")
LOADED = 300  # seconds: a standby asks the bucket several times before it is the primary, and each time starts a Python


@dataclass(frozen=True)
class Owned:
    """A service in two environments, and its databases."""

    release: Release
    elsewhere: str  # a namespace that has nothing to do with it
    bucket: Path

    def namespace(self, environment: str = "production") -> str:
        return f"{self.release.namespace(environment)}-database"

    @property
    def folder(self) -> Path:
        return self.release.project / "deploy/kubernetes/database"

    def follow(self, heading: str, environment: str, block: int = 0) -> str:
        """Run a block of the page, which is written for staging; answers what it printed."""
        text = document.shell(self.release.project, heading, {}, block)
        values = {"KEY_ID=KEY": f"KEY_ID={KEY}", "SECRET_KEY=SECRET": f"SECRET_KEY={SECRET}"}
        if environment != "staging":
            values |= {one: one.replace("staging", environment) for one in ("database/staging", ".secrets/staging")}
        values = {one: new for one, new in values.items() if one in text}
        if environment != "staging":
            values |= {f"{self.release.name}-staging": self.release.name}
        return self.release.administer(heading, values, block)

    def set_up(self, environment: str, late: bool = False) -> None:
        """Namespace, Secrets and cluster; late as with External Secrets, which makes them after the cluster."""
        space = self.namespace(environment)
        self.follow("Database", environment)
        made = get(space, "secrets", "app", "owner")
        if late:
            kubectl("--namespace", space, "delete", "secret", "app", "owner")
        kubectl("apply", f"--kustomize={self.folder / environment}")
        if late:
            wait_until("the cluster to begin", lambda: "status" in get(space, "cluster", "database"))
            for secret in made["items"]:
                secret["metadata"] = {key: secret["metadata"][key] for key in ("name", "labels")}
                kubectl("--namespace", space, "create", "--filename=-", stdin=json.dumps(secret))

    def change_image(self, image: str) -> None:
        path = self.folder / "cluster/cluster.yml"
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(f"  imageName: {image}\n" if "imageName:" in line else line for line in lines))

    def ask_for_less(self) -> None:
        """Half a core for all of it: as rendered, five instances leave the one node no room for other tests.

        Not less: on a loaded machine it is their share of the processor, too.
        """
        path = self.folder / "cluster/cluster.yml"
        assert path.read_text().count("cpu: 250m") == 1
        path.write_text(path.read_text().replace("cpu: 250m", "cpu: 50m"))

    def pods(self, environment: str = "production") -> list[dict[str, Any]]:
        """In the order of their names."""
        found: list[dict[str, Any]] = get(
            self.namespace(environment), "pods", "--selector=cnpg.io/podRole=instance"
        )["items"]  # fmt: skip
        return found

    def instances(self, environment: str = "production") -> dict[str, str]:
        """The unique number of each pod, by its name."""
        return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in self.pods(environment)}

    def images(self) -> set[str]:
        return {pod["spec"]["containers"][0]["image"] for pod in self.pods()}

    def metrics(self, pod: dict[str, Any]) -> dict[str, float]:
        """What an instance tells Prometheus, of the series without labels."""
        place = f"namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}:9187/proxy/metrics"
        lines = kubectl("get", f"--raw=/api/v1/{place}").splitlines()
        return {
            name: float(value)
            for name, value in (line.split() for line in lines if line[0] not in "#" and "{" not in line)
        }

    def primary(self, environment: str = "production") -> str:
        return str(get(self.namespace(environment), "cluster", "database")["status"]["currentPrimary"])

    def healthy(self, environment: str = "production") -> None:
        def is_healthy() -> bool:
            found = get(self.namespace(environment), "cluster", "database")
            status = found["status"]
            return (status["phase"], status.get("readyInstances")) == (HEALTHY, found["spec"]["instances"])

        wait_until(f"the database of {environment}", is_healthy, LOADED)

    def execute(self, environment: str, pod: str, *command: str, check: bool = True) -> str:
        inside = ("exec", pod or self.primary(environment), "--container=postgres", "--", *command)
        return kubectl("--namespace", self.namespace(environment), *inside, check=check).strip()

    def sql(self, query: str, environment: str = "production", pod: str = "") -> str:
        """As superuser, inside of the primary's pod or of another."""
        psql = ("psql", "-qtAX", "--set=ON_ERROR_STOP=1", "--dbname=app", f"--command={query}")
        return self.execute(environment, pod, *psql)

    def connect(
        self, environment: str, role: str, query: str, sslmode: str = "require", cluster: str = "database"
    ) -> str:
        """As a role, by the password of its Secret, to the address that the service has; answers errors, too."""
        secret = get(self.namespace(environment), "secret", role)["data"]["password"]
        settings = (f"PGPASSWORD={base64.b64decode(secret).decode()}", f"PGSSLMODE={sslmode}")
        psql = ("psql", "-tAX", f"--host={cluster}-rw", f"--username={role}", "--dbname=app", f"--command={query}")
        pod = str(get(self.namespace(environment), "cluster", cluster)["status"]["currentPrimary"])
        return self.execute(environment, pod, "env", *settings, *psql, check=False)

    def evict(self, environment: str, pod: str) -> str:
        """As a drain asks for it; answers why it must not be."""
        space = self.namespace(environment)
        asked = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": space}}
        place = f"--raw=/api/v1/namespaces/{space}/pods/{pod}/eviction"
        said = kubectl("create", place, "--filename=-", stdin=json.dumps(asked), check=False)
        return "" if '"status":"Success"' in said else said


@contextmanager
def service(template: Path, scratch: Path, name: str, image: str, host: str) -> Iterator[Owned]:
    """A service whose namespaces are there, the operator that is to make its databases, and the bucket at `host`."""
    tls = barman_cloud.certificate(scratch, "bucket", f"IP:{host}")
    (scratch / "s3").mkdir()
    with buckets(scratch / "s3", host, tls) as (address, folder):
        bucket = folder / name
        bucket.mkdir()
        project = render(
            template, scratch / name, **ORDERS | {"service_name": name}, language="go", orchestrator="kubernetes",
            kubernetes_database="cloudnative-pg", kubernetes_database_bucket=f"{address}/{name}",
            kubernetes_monitoring="prometheus-operator",
        )  # fmt: skip
        release = Release(project, name, f"ghcr.io/{ORDERS['image_namespace']}/{name}", image)
        owned = Owned(release, f"{name}-elsewhere", bucket)
        owned.change_image(push_postgres(scratch / "postgres"))
        owned.ask_for_less()
        plugin = barman_cloud.manifest(scratch / "plugin", tls[0])
        (scratch / "operator").mkdir()
        with installed(scratch / "operator", plugin), disks(scratch / "disks", name, DISKS), namespaces(owned):
            yield owned


@contextmanager
def namespaces(owned: Owned) -> Iterator[None]:
    """The service's own, with its deployers; those of its databases go with them."""
    others = (owned.elsewhere, f"{owned.elsewhere}-prometheus")
    release = owned.release
    try:
        for other in others:
            kubectl("create", "namespace", other)
        release.administer("Cluster", {})
        wait_until("tokens", lambda: all("token" in release.deployer_secret(each) for each in ENVIRONMENTS))
        release.administer("Cluster", {}, block=1)
        yield
    finally:
        spaces = [owned.namespace(each) for each in ENVIRONMENTS]
        kubectl("delete", "namespace", *others, *spaces, "--ignore-not-found", "--wait=false")
        for space in spaces:  # nobody waits for what PostgreSQL has to say
            kubectl("--namespace", space, "delete", "pods", "--all", "--force", "--grace-period=0")
        kubectl("wait", "--for=delete", "--timeout=120s", *(f"namespace/{space}" for space in spaces))
        release.remove()

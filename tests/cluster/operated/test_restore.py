"""What the bucket has of a database in the cluster, and the restore from it, by the page's commands.

How it broke for others:
- the first backup is asked for before the plugin is there, and fails: https://github.com/linode/apl-core/pull/2299
- a backup fails, and nothing but its exit code is said: https://github.com/cloudnative-pg/plugin-barman-cloud/issues/707
- the pods that restore are not those that the policies let out: https://github.com/rwlove/home-ops/pull/13316
- a restored cluster refuses to start, or archives where the first one did:
  https://github.com/cloudnative-pg/plugin-barman-cloud/issues/683
- a file of WAL that the backup needs is not in the bucket: https://github.com/cloudnative-pg/plugin-barman-cloud/issues/618
- no plugin restores in the pod that asks it to: https://github.com/cloudnative-pg/plugin-barman-cloud/issues/507
- after a failover, a file of WAL is there whole and as `.partial`, and the restore stops at it:
  https://github.com/cloudnative-pg/plugin-barman-cloud/issues/1113
"""

import json
import shutil
import time

import pytest

from tests.support.cluster import get, kubectl, wait_until
from tests.support.cluster.owned import LOADED, Owned
from tests.support.engine.object_store import SECRET

pytestmark = pytest.mark.engine

KEPT = 12  # seconds: for ten, the sidecar knows a Secret as it was
FAILED, ARCHIVED = (f"cnpg_pg_stat_archiver_last_{what}_time" for what in ("failed", "archived"))
NEWEST = "barman_cloud_cloudnative_pg_io_last_available_backup_timestamp"
MOMENT = '#recoveryTarget: {targetTime: "2026-01-31 08:15:00+00"} # else to the newest change'


def completed(owned: Owned, environment: str, cluster: str = "database") -> bool:
    """Whether the newest backup is; one that has failed fails the test at once."""
    found = get(owned.namespace(environment), "backups")["items"]
    of_it = [one for one in found if one["spec"]["cluster"]["name"] == cluster]
    of_it.sort(key=lambda one: str(one["metadata"]["creationTimestamp"]))
    phases = [one.get("status", {}).get("phase") for one in of_it]
    assert phases[-1:] != ["failed"], of_it[-1]
    return phases[-1:] == ["completed"]


def condition(owned: Owned, name: str) -> bool:
    conditions = get(owned.namespace("staging"), "cluster", "database")["status"]["conditions"]
    return any((one["type"], one["status"]) == (name, "True") for one in conditions)


def write(owned: Owned) -> None:
    """The next number."""
    owned.sql("INSERT INTO written SELECT count(*) + 1 FROM written", "staging")


def switch(owned: Owned) -> str:
    """Let what is written be archived now, and not in five minutes; answers the file's name."""
    write(owned)
    return owned.sql("SELECT pg_walfile_name(pg_switch_wal())", "staging")


def archive(owned: Owned) -> None:
    last = switch(owned)
    wait_until(last, lambda: [*owned.bucket.glob(f"staging/database/wals/*/{last}.gz")], LOADED)


def written(owned: Owned, pod: str) -> list[int]:
    return [int(line) for line in owned.sql("SELECT n FROM written ORDER BY n", "staging", pod).splitlines()]


def test_the_first_backup_is_there_and_so_is_each_change(owned: Owned) -> None:
    """Of one instance, and of three, where a standby makes it; over TLS, at a port of the bucket's own."""
    for environment in ("staging", "production"):
        owned.healthy(environment)
        wait_until("the first backup", lambda environment=environment: completed(owned, environment), LOADED)  # type: ignore[misc]
        (data,) = owned.bucket.glob(f"{environment}/database/base/*/data.tar.gz")
        assert data.stat().st_size
        numbers = [pod for pod in owned.pods(environment) if owned.metrics(pod)[NEWEST] > 0]
        assert numbers == owned.pods(environment), "which DatabaseBackupTooOld asks"
    owned.sql("CREATE TABLE written (n int)", "staging")
    archive(owned)
    assert condition(owned, "ContinuousArchiving")
    assert condition(owned, "LastBackupSucceeded")


def test_a_wrong_key_is_said_and_after_it_a_backup_is_made_by_hand(owned: Owned) -> None:
    def key(value: str) -> None:
        secret = json.dumps({"stringData": {"ACCESS_SECRET_KEY": value}})
        kubectl("--namespace", owned.namespace("staging"), "patch", "secret", "bucket", f"--patch={secret}")

    def late() -> float:
        """What DatabaseNotArchived asks."""
        found = owned.metrics(owned.pods("staging")[0])
        return found[FAILED] - found[ARCHIVED]

    assert late() < 1
    key("another")
    try:
        time.sleep(KEPT)
        switch(owned)
        wait_until("the alert's cause", lambda: late() > 1, LOADED)
        log = ("logs", "--container=plugin-barman-cloud", "--tail=20", "database-1")
        assert "SignatureDoesNotMatch" in kubectl("--namespace", owned.namespace("staging"), *log)
    finally:
        key(SECRET)
    time.sleep(KEPT)
    switch(owned)  # else it is tried again after a minute
    wait_until("what is late to be archived", lambda: late() < 1, LOADED)
    owned.follow("Database", "staging", block=2)
    wait_until("a backup by hand", lambda: completed(owned, "staging"), LOADED)


def test_it_is_restored_as_the_page_says(owned: Owned) -> None:
    """A drill, to a moment in the past; then to the newest change, and it takes the first one's place."""
    space, file = owned.namespace("staging"), owned.folder / "staging/kustomization.yml"
    before = written(owned, "database-1")
    moment = owned.sql("SELECT clock_timestamp()", "staging")
    archive(owned)
    recipe = owned.folder / "restore/kustomization.yml"
    as_rendered = recipe.read_text()
    assert MOMENT in as_rendered
    not_restored = file.read_text()
    recipe.write_text(as_rendered.replace(MOMENT, MOMENT[1:].replace("2026-01-31 08:15:00+00", moment)))
    assert "written" in owned.follow("Restore", "staging")
    assert written(owned, "database-2-1") == before
    assert written(owned, "database-1") == [*before, len(before) + 1], "the first one is as it was"

    recipe.write_text(as_rendered)
    assert [path.name for path in file.parent.iterdir()] == [file.name], "a copy would be committed"
    file.write_text(not_restored)
    kubectl("--namespace", space, "delete", "cluster,scheduledbackup", "database-2", "--timeout=60s")
    drill = "--selector=cnpg.io/cluster=database-2"
    wait_until("the drill's pods to go", lambda: not get(space, "pods", drill)["items"], LOADED)
    shutil.rmtree(owned.bucket / "staging/database-2", ignore_errors=True)  # there is none if nothing was archived yet
    owned.follow("Restore", "staging")
    assert written(owned, "database-2-1") == [*before, len(before) + 1]
    wait_until("a backup of its own", lambda: completed(owned, "staging", "database-2"), LOADED)
    kubectl("--namespace", space, "delete", "cluster,scheduledbackup", "database", "--timeout=60s")
    assert [*owned.bucket.glob("staging/database/base/*/data.tar.gz")], "that of the first one is left to its owner"
    for role, limit in (("owner", "0"), ("app", "10s")):
        assert owned.connect("staging", role, "SHOW statement_timeout", cluster="database-2") == limit
    assert "permission denied" in owned.connect("staging", "app", "CREATE TABLE another (id int)", cluster="database-2")
    assert "no encryption" in owned.connect("staging", "app", "SELECT 1", sslmode="disable", cluster="database-2")


def test_what_is_removed_comes_back_from_the_bucket(owned: Owned) -> None:
    """The last test: as in another Kubernetes, after a primary was lost, of which the bucket may have half a file."""
    lost = owned.primary()
    owned.sql("CREATE TABLE kept AS SELECT 1 AS n")
    kubectl("--namespace", owned.namespace(), "delete", "pod", lost, "--force", "--grace-period=0")
    wait_until("another primary", lambda: owned.primary() != lost, LOADED)
    owned.healthy()
    owned.sql("INSERT INTO kept VALUES (2)")
    last = owned.sql("SELECT pg_walfile_name(pg_switch_wal())")
    wait_until(last, lambda: [*owned.bucket.glob(f"production/database/wals/*/{last}.gz")], LOADED)

    owned.release.administer("Removal", {}, block=1)
    left = kubectl("get", "namespaces", "--output=name").splitlines()
    assert not {f"namespace/{owned.namespace(one)}" for one in ("staging", "production")} & {*left}
    owned.follow("Database", "production")
    assert "kept" in owned.follow("Restore", "production")
    assert owned.sql("SELECT n FROM kept ORDER BY n", pod="database-2-1").split() == ["1", "2"]
    for role in ("owner", "app"):
        assert owned.connect("production", role, "SELECT 1", cluster="database-2") == "1"

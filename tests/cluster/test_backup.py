"""Backups of the database on a real cluster, and a restore into an empty one, by the page's commands.

The database and versitygw, in the place of S3, are outside of the cluster. How it broke for others, each held here:
- a pg_dump that fails leaves a success and an empty file: https://github.com/alphagov/govuk-helm-charts/pull/4017,
  https://github.com/nfrastack/db-backup/issues/366, https://github.com/Skyfay/DBackup/issues/154
- pg_dump's connection is cut, and what has come by then is kept: https://github.com/pawtograder/platform/pull/975
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import NODE, Start
from tests.support import engine
from tests.support.cluster import DATABASE, REGISTRY, Release, get, kubeconfig, kubectl, wait_until
from tests.support.engine.database import Server, database_name
from tests.support.engine.object_store import KEY, SECRET, served
from tests.support.render import TEMPLATE, document

pytestmark = pytest.mark.engine

# What a count of lines, or of words, would get wrong; and one table that takes a while.
ROWS = """
SET ROLE owner;
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text);
INSERT INTO orders (what) SELECT 'order ' || n FROM generate_series(1, 1000) AS n;
INSERT INTO orders (what) VALUES (E'a line\\nand another'), ('COPY public.orders (id) FROM stdin;'), ('\\.'), (NULL);
CREATE TABLE "Odd name" (id int);
CREATE TABLE empty (id int);
CREATE TABLE large AS SELECT n AS id, (SELECT string_agg(md5(n || '-' || m), '') FROM generate_series(1, 30) AS m) AS t
  FROM generate_series(1, 30000) AS n;
"""
TABLES = {'public."Odd name"': 0, "public.empty": 0, "public.large": 30000, "public.orders": 1004}
# As the page has it, under BackupTooOld: a step that has not begun has no log.
LOGS = ("--all-containers", "--ignore-errors")
# Ends the connection of `backup` in the midst of its largest table.
CUT = """
DO $$ BEGIN
  FOR i IN 1..6000 LOOP
    PERFORM pg_stat_clear_snapshot();
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE usename = 'backup' AND query LIKE 'COPY public.large %';
    IF FOUND THEN RETURN; END IF;
    PERFORM pg_sleep(0.01);
  END LOOP;
  RAISE 'nothing was dumped';
END $$
"""


@dataclass(frozen=True)
class Backups:
    """A service whose backups are set up, its database, and the bucket."""

    release: Release
    server: Server
    bucket: Path
    settings: dict[str, str]

    @property
    def namespace(self) -> str:
        return self.release.namespace("staging")

    def follow(self, heading: str, values: dict[str, str], block: int = 0) -> str:
        """Run a block of the page; answers what it printed."""
        done = document.run(
            self.release.project, document.shell(self.release.project, heading, values, block), self.settings
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def fails(self, cron_job: str, name: str) -> str:
        """Start a Job of the CronJob that fails at its first try; answers its log."""
        made = kubectl(
            "--namespace", self.namespace, "create", "job", name, f"--from=cronjob/{self.release.name}-{cron_job}",
            "--dry-run=client", "--output=json",
        )  # fmt: skip
        job: dict[str, Any] = json.loads(made)
        job["spec"]["backoffLimit"] = 0
        kubectl("--namespace", self.namespace, "create", "--filename=-", stdin=json.dumps(job))

        def outcome() -> set[str]:
            found = get(self.namespace, "job", name)["status"].get("conditions", [])
            return {one["type"] for one in found if one["status"] == "True"}

        wait_until(name, lambda: outcome() & {"Complete", "Failed"})
        log = kubectl("--namespace", self.namespace, "logs", *LOGS, f"job/{name}", check=False)
        assert "Failed" in outcome(), log
        return log

    def snapshots(self) -> list[str]:
        lines = (self.release.project / ".secrets/staging/offsite").read_text().splitlines()
        done = subprocess.run(
            ["restic", "--no-cache", "snapshots", "--json"], check=True, capture_output=True, text=True,
            env=self.settings | dict(line.split("=", 1) for line in lines),
        )  # fmt: skip
        return [one["short_id"] for one in json.loads(done.stdout)]

    def content(self, database: str) -> list[str]:
        """Of each table, a digest of all its rows, and of its next number."""
        digest = "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM TABLE AS t"
        digests = [self.server.sql(digest.replace("TABLE", table), database) for table in TABLES]
        return [*digests, self.server.sql("SELECT nextval('orders_id_seq')", database)]


def pushed(image: str, tag: str) -> str:
    """An image of this machine under a public one's name, for the cluster; answers its name by digest."""
    place = f"{REGISTRY}/{tag if '/' in tag else f'library/{tag}'}"
    engine.docker("tag", image, place)
    found = re.search(r"digest: (sha256:[0-9a-f]{64})", engine.docker("push", place))
    assert found
    return f"{tag}@{found[1]}"


def stand_ins(scratch: Path) -> dict[str, str]:
    """The two images of the pins to what stands for them here: restic's holds the machine's own."""
    images: dict[str, str] = TEMPLATE.table("pins")["images"]
    postgres, restic = (images[name].partition("@")[0] for name in ("postgres", "restic"))
    shutil.copy(str(shutil.which("restic")), scratch)
    (scratch / "Dockerfile").write_text(f"FROM {postgres}\nCOPY restic /usr/bin/restic\n")
    with engine.built(scratch) as built:
        return {images["postgres"]: pushed(postgres, postgres), images["restic"]: pushed(built, restic)}


@pytest.fixture(scope="module")
def backups(start: Start, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backups]:
    """What the page asks of an administrator, up to the first backup."""
    with served(tmp_path_factory.mktemp("s3"), NODE) as (address, buckets):
        release = start("go", "rolling", "staging", name="backup")
        database, bucket = database_name(f"{release.name}-staging"), buckets / "backups"
        bucket.mkdir()
        server.sql(ROWS, database)
        port = address.rpartition(":")[2]
        new = stand_ins(tmp_path_factory.mktemp("restic"))
        for path in (release.project / "deploy").rglob("*.yml"):
            text = path.read_text()
            for pin, stand_in in new.items():
                text = text.replace(pin, stand_in)
            if "backup" in path.parts:
                text = text.replace("port: 5432", f"port: {server.port}").replace("port: 443", f"port: {port}")
            path.write_text(text)
        programs = tmp_path_factory.mktemp("programs")
        psql = f"docker exec --interactive {server.name} psql --username postgres --port {server.port}"
        (programs / "psql").write_text(f'#!/bin/sh\nexec {psql} "$@"\n')
        (programs / "psql").chmod(0o755)
        settings = engine.environment() | {"KUBECONFIG": str(kubeconfig())}
        settings["PATH"] = f"{programs}:{settings['PATH']}"
        backups = Backups(release, server, bucket, settings)
        backups.follow("Backups", {
            "--dbname app": f"--dbname {database}", "DATABASE app": f"DATABASE {database}",
            "https://s3.us-east-1.amazonaws.com/BUCKET": f"{address}/{bucket.name}",
            "AWS_ACCESS_KEY_ID=KEY": f"AWS_ACCESS_KEY_ID={KEY}", "=SECRET": f"={SECRET}",
        })  # fmt: skip
        backups.follow("Backups", {DATABASE: f"{NODE}:{server.port}/{database}"}, block=1)
        yield backups
        release.remove()


def test_what_is_backed_up_can_be_restored_and_what_fails_is_no_backup(backups: Backups) -> None:
    """In one, for each run of a Job takes seconds."""
    server, release = backups.server, backups.release
    source = database_name(f"{release.name}-staging")
    said = backups.follow("Backups", {}, block=2)
    assert "dump: 4 tables in " in said
    (first,) = backups.snapshots()
    assert first in said
    stored = [path for path in backups.bucket.rglob("*") if path.is_file()]
    assert not [path for path in stored if b"PGDMP" in path.read_bytes() or b"order 1" in path.read_bytes()]

    # The role may read, and nothing else.
    with pytest.raises(engine.DockerError, match="permission denied"):
        server.sql("SET ROLE backup; DELETE FROM orders", source)

    # pg_dump is cut in the midst of a table.
    server.sql("INSERT INTO orders (what) VALUES ('never stored')", source)
    command = ["docker", "exec", server.name, "psql", "-U", "postgres", "-p", str(server.port), "-c", CUT]
    with subprocess.Popen(command, env=engine.environment(), stdout=subprocess.DEVNULL) as cutter:
        log = backups.fails("backup", "cut")
    assert cutter.returncode == 0, "it was not cut"
    # In what words it learns of the cut, depends on what it reads first.
    assert 'pg_dump: error: Dumping the contents of table "large" failed' in log
    assert backups.snapshots() == [first]

    # The password is another one by now.
    server.sql("ALTER ROLE backup PASSWORD 'another'")
    assert "password authentication failed" in backups.fails("backup", "password")
    assert backups.snapshots() == [first]

    # Into an empty database: what was there at the first backup, and not what came after it.
    server.sql("DELETE FROM orders WHERE what = 'never stored'", source)
    empty = f"{source}_restored"
    server.create(empty)
    place = {"db.example.com:5432/restored": f"{NODE}:{server.port}/{empty}"}
    said = backups.follow("Restore", place)
    assert first in said
    for table, rows in TABLES.items():
        assert f"\n{table} {rows}\n" in said
    assert "load: restored, 4 tables with the rows of the dump" in said
    *there, number = backups.content(source)
    *here, restored_number = backups.content(empty)
    assert here == there
    assert int(restored_number) == 1005 == int(number) - 1, "the source has given one number since"
    assert server.sql("SELECT has_table_privilege('app', 'orders', 'DELETE')", empty) == "t"
    assert server.sql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'", empty) == "owner"

    # Over what is there, never.
    kubectl(
        "--namespace", backups.namespace, "create", "secret", "generic", f"{release.name}-restore",
        f"--from-literal=url=postgresql://owner@{NODE}:{server.port}/{empty}",
        f"--from-file=password={release.project / '.secrets/staging/owner'}",
    )  # fmt: skip
    assert "load: the database has tables: restore into an empty one" in backups.fails("restore", "again")
    assert backups.content(empty)[:-1] == here

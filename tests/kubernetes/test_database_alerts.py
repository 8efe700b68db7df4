"""The alerts on a database in the cluster, by Prometheus's own test tool."""

from collections.abc import Callable
from pathlib import Path

import yaml

from tests.kubernetes.test_alerts import Series, hold
from tests.kubernetes.test_database import SERVICE, WITH
from tests.support.cluster.manifests import Rendered, one
from tests.support.render.answers import KUBERNETES

WATCHED = next(index for index in WITH if KUBERNETES[index]["kubernetes_monitoring"] == "prometheus-operator")
HERE = f'namespace="{SERVICE}-database"'
STAGED = f'namespace="{SERVICE}-staging-database"'


def metric(name: str, values: str, pod: int = 1, where: str = HERE) -> Series:
    return {f'{name}{{{where}, pod="database-{pod}"}}': values}


def up(*pods: str, where: str = HERE) -> Series:
    series: Series = {}
    for number, values in enumerate(pods, 1):
        series |= metric("cnpg_collector_up", values, number, where)
    return series


def archived(failed: str, good: str) -> Series:
    name = "cnpg_pg_stat_archiver_last"
    return metric(f"{name}_failed_time", failed) | metric(f"{name}_archived_time", good)


def disk(available: str, where: str = HERE) -> Series:
    labels = f'{where}, persistentvolumeclaim="database-1-wal"'
    return {
        f"kubelet_volume_stats_available_bytes{{{labels}}}": available,
        f"kubelet_volume_stats_capacity_bytes{{{labels}}}": "100x60",
    }


LAG, BACKUP = "cnpg_pg_replication_lag", "barman_cloud_cloudnative_pg_io_last_available_backup_timestamp"
EPOCH = 10**9  # promtool's time begins in 1970, and so does "there is none": the rules are read as of later
LONG_AGO, YESTERDAY = (f"{EPOCH + 3600 - hours * 3600}x60" for hours in (31, 25))
# As those of tests/kubernetes/test_alerts.py.
CASES: list[tuple[str, str, Series, bool]] = [
    ("DatabaseInstances", "all are up", up("1x60", "1x60", "1x60"), False),
    ("DatabaseInstances", "one has gone", up("1x60", "1x60", "1x30"), True),
    ("DatabaseInstances", "one answers that it is down", up("1x60", "1x60", "0x60"), True),
    ("DatabaseInstances", "none answers, and staging does", up("1x60", where=STAGED), True),
    ("DatabaseInstances", "one was replaced, half an hour ago", up("1x60", "1x60", "1x25 _x4 1x31"), False),
    ("DatabaseStandbyLags", "ten minutes behind", metric(LAG, "600x60", 2), True),
    ("DatabaseStandbyLags", "a moment", metric(LAG, "1x60", 2), False),
    ("DatabaseNotArchived", "the last one failed", archived("3000x60", "900x60"), True),
    ("DatabaseNotArchived", "one failed, and then went well", archived("900x60", "960x60"), False),
    ("DatabaseNotArchived", "none has failed", archived("-1x60", "900x60"), False),
    ("DatabaseBackupTooOld", "of the day before", metric(BACKUP, LONG_AGO), True),
    ("DatabaseBackupTooOld", "last night's", metric(BACKUP, YESTERDAY), False),
    ("DatabaseBackupTooOld", "there is none", metric(BACKUP, "0x60"), True),
    ("DatabaseBackupTooOld", "nobody says", {}, True),
    ("DatabaseDisk", "nearly full", disk("10x60"), True),
    ("DatabaseDisk", "half full", disk("50x60"), False),
    ("DatabaseDisk", "staging's is nearly full", disk("10x60", STAGED), False),
]


def test_each_alert_fires_when_it_should_and_else_is_silent(
    put_together: Callable[[int], Rendered], tmp_path: Path
) -> None:
    rule = one(put_together(WATCHED).sets["database/production"], "PrometheusRule")
    text = yaml.safe_dump(rule["spec"]).replace("time()", f"(time() + {EPOCH})")
    hold(yaml.safe_load(text), CASES, tmp_path)

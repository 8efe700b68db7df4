"""The alerts, by Prometheus's own test tool: each wakes somebody up when it should, and at no other time."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.cluster.manifests import Manifest, Rendered, of_kind, one, program
from tests.support.render import ORDERS, document
from tests.support.tools import run

SERVICE = ORDERS["service_name"]
SERIES = f'namespace="{SERVICE}", job="{SERVICE}", method="GET", route="/orders"'
PROBES = f'namespace="{SERVICE}", job="{SERVICE}", method="GET", route="/readyz"'
ELSEWHERE = f'namespace="{SERVICE}-staging", job="{SERVICE}", method="GET", route="/orders"'
REPLICAS = f'namespace="{SERVICE}", deployment="{SERVICE}"'
NEIGHBOUR = f'namespace="{SERVICE}", deployment="{SERVICE}-web"'
STAGED_REPLICAS = f'namespace="{SERVICE}-staging", deployment="{SERVICE}"'

# An hour, a sample a minute: "0+60x60" is 60 more every minute.
# https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/
Series = dict[str, str]


def requests(good: str, bad: str, series: str = SERIES) -> Series:
    return {
        f'http_requests_total{{{series}, status="200"}}': good,
        f'http_requests_total{{{series}, status="500"}}': bad,
    }


def durations(fast: str, everything: str, series: str = SERIES) -> Series:
    """A histogram whose requests take less than 0.5 s, or 2.5 to 5 s."""
    name = "http_request_duration_seconds_bucket"
    bounds = {"0.5": fast, "1": fast, "2.5": fast, "5": everything, "+Inf": everything}
    return {f'{name}{{{series}, status="200", le="{bound}"}}': values for bound, values in bounds.items()}


def replicas(wanted: str, available: str, labels: str = REPLICAS) -> Series:
    return {
        f"kube_deployment_spec_replicas{{{labels}}}": wanted,
        f"kube_deployment_status_replicas_available{{{labels}}}": available,
    }


def lines(values: str, level: str = "error", namespace: str = SERVICE) -> Series:
    return {f'log_lines_total{{namespace="{namespace}", job="{SERVICE}", level="{level}"}}': values}


def restarts(values: str, container: str = "app", pod: str = f"{SERVICE}-5d9c7b-x7k2p") -> Series:
    labels = f'namespace="{SERVICE}", pod="{pod}", container="{container}"'
    return {f"kube_pod_container_status_restarts_total{{{labels}}}": values}


def backups(good: str, made: str = "0x60", cronjob: str = f"{SERVICE}-backup", namespace: str = SERVICE) -> Series:
    """Seconds of the last one that went well and of the CronJob's beginning; "now" is 3600."""
    labels = f'{{namespace="{namespace}", cronjob="{cronjob}"}}'
    seen = {f"kube_cronjob_created{labels}": made}
    return seen | ({f"kube_cronjob_status_last_successful_time{labels}": good} if good else {})


LONG_AGO, YESTERDAY = f"{3600 - 31 * 3600}x60", f"{3600 - 25 * 3600}x60"

# alert → what is seen, and whether it fires after an hour
CASES: list[tuple[str, str, Series, bool]] = [
    ("HighErrorRate", "one in ten fails", requests("0+90x60", "0+10x60"), True),
    ("HighErrorRate", "all fail, from the first request on", requests("0x60", "0+10x60"), True),
    ("HighErrorRate", "all of few fail, among the probes of two pods",
     requests("0x60", "0+1x60") | requests("0+38x60", "0x60", PROBES), True),
    ("HighErrorRate", "the probes fail, and no request",
     requests("0+9x60", "0x60") | requests("0x60", "0+38x60", PROBES), False),
    ("HighErrorRate", "one in a hundred fails", requests("0+99x60", "0+1x60"), False),
    ("HighErrorRate", "no error ever", {k: v for k, v in requests("0+99x60", "").items() if v}, False),
    ("HighErrorRate", "no traffic", requests("500x60", "500x60"), False),
    ("HighErrorRate", "nothing is measured", {}, False),
    ("HighErrorRate", "staging fails", requests("0+9x60", "0+90x60", ELSEWHERE), False),
    ("HighErrorRate", "one in ten fails, and staging's many requests do not",
     requests("0+90x60", "0+10x60") | requests("0+900x60", "0+0x60", ELSEWHERE), True),
    ("HighErrorRate", "for two minutes, an hour ago", requests("0+90x60", "0+90x2 180x58"), False),
    ("HighLatency", "one in ten is slow", durations("0+90x60", "0+100x60"), True),
    ("HighLatency", "each of few is slow, among the probes",
     durations("0x60", "0+1x60") | durations("0+38x60", "0+38x60", PROBES), True),
    ("HighLatency", "one in a hundred is slow", durations("0+99x60", "0+100x60"), False),
    ("HighLatency", "no traffic", durations("500x60", "900x60"), False),
    ("HighLatency", "staging is slow", durations("0+9x60", "0+100x60", ELSEWHERE), False),
    ("LoggedErrors", "three a minute", lines("0+3x60"), True),
    ("LoggedErrors", "one a minute", lines("0+1x60"), False),
    ("LoggedErrors", "many warnings", lines("0+9x60", "warn"), False),
    ("LoggedErrors", "many, half an hour ago", lines("0+9x30 270x30"), False),
    ("LoggedErrors", "staging logs many", lines("0+9x60", namespace=f"{SERVICE}-staging"), False),
    ("Restarts", "many, half an hour ago", restarts("0 0+1x30 30x29"), False),
    ("Restarts", "every three minutes until now", restarts(" ".join(str(i // 3) for i in range(61))), True),
    ("Restarts", "once, when a node went", restarts("0x50 1x10"), False),
    ("Restarts", "a sidecar does", restarts("0+1x60", "proxy"), False),
    ("Restarts", "in one of the slots", restarts("0+1x60", pod=f"{SERVICE}-green-5d9c7b-x7k2p"), True),
    ("Restarts", "another service of the namespace does", restarts("0+1x60", pod=f"{SERVICE}-web-5d9c7b-x7k2p"), False),
    ("TooFewReplicas", "another service of the namespace lacks one", replicas("3x60", "2x60", NEIGHBOUR), False),
    ("TooFewReplicas", "one of three is missing", replicas("3x60", "2x60"), True),
    ("TooFewReplicas", "none is there", replicas("3x60", "0x60"), True),
    ("TooFewReplicas", "all are there", replicas("3x60", "3x60"), False),
    ("TooFewReplicas", "staging lacks one", replicas("3x60", "2x60", STAGED_REPLICAS), False),
    ("TooFewReplicas", "one is missing, and staging has more than it wants",
     replicas("3x60", "2x60") | replicas("1x60", "2x60", STAGED_REPLICAS), True),
    ("TooFewReplicas", "one more was asked for a minute ago", replicas("3x59 4", "3x60"), False),
    ("BackupTooOld", "the last one that went well is of the day before", backups(LONG_AGO, LONG_AGO), True),
    ("BackupTooOld", "the last night's went well", backups(YESTERDAY, LONG_AGO), False),
    ("BackupTooOld", "none has ever gone well", backups("", LONG_AGO), True),
    ("BackupTooOld", "the first night has not come yet", backups("", YESTERDAY), False),
    ("BackupTooOld", "nobody has set them up", {}, False),
    ("BackupTooOld", "the restore, which is suspended, has never run",
     backups("", LONG_AGO, f"{SERVICE}-restore"), False),
    ("BackupTooOld", "staging's is old", backups(LONG_AGO, LONG_AGO, namespace=f"{SERVICE}-staging"), False),
]  # fmt: skip


def rules_of(kubernetes: Rendered) -> list[Manifest]:
    return of_kind(kubernetes.overlay("production"), "PrometheusRule")


@pytest.fixture
def groups(put_together: Callable[[int], Rendered]) -> dict[str, Any]:
    """The rules of the first combination, which are the same in all."""
    spec: dict[str, Any] = one(put_together(0).overlay("production"), "PrometheusRule")["spec"]
    return spec


def promtool(*arguments: str, folder: Path) -> str:
    return run([program("promtool", "the package prometheus of Debian and Ubuntu"), *arguments], cwd=folder)


def test_prometheus_reads_the_rules(groups: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(groups))
    assert f"SUCCESS: {len(groups['groups'][0]['rules'])} rules found" in promtool(
        "check", "rules", "rules.yml", folder=tmp_path
    )


def hold(groups: dict[str, Any], cases: list[tuple[str, str, Series, bool]], folder: Path) -> None:
    """Each alert has a case in which it fires, and one in which it does not; and is as its cases say."""
    rules = {rule["alert"] for group in groups["groups"] for rule in group["rules"]}
    for fires in (True, False):
        assert {alert for alert, _, _, result in cases if result is fires} == rules, "an alert without a case"
    (folder / "rules.yml").write_text(yaml.safe_dump(groups))
    tests = [
        {
            "name": f"{alert}: {seen}",
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in series.items()],
            # that it fires is one row of the answer, whatever its labels
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing"}})',
                    "eval_time": "60m",
                    "exp_samples": [{"value": 1}] if fires else [],
                }
            ],
        }
        for alert, seen, series, fires in cases
    ]
    test_file = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": tests}
    (folder / "tests.yml").write_text(yaml.safe_dump(test_file))
    promtool("test", "rules", "tests.yml", folder=folder)


def test_each_alert_fires_when_it_should_and_else_is_silent(groups: dict[str, Any], tmp_path: Path) -> None:
    hold(groups, CASES, tmp_path)


def test_the_alerts_read_what_the_service_measures(kubernetes: Rendered) -> None:
    contract = {"http_requests_total", "http_request_duration_seconds_bucket", "log_lines_total"}
    of_the_cluster = {
        "kube_pod_container_status_restarts_total",
        "kube_deployment_status_replicas_available",
        "kube_deployment_spec_replicas",
        "kube_cronjob_status_last_successful_time",
        "kube_cronjob_created",
    }
    for manifest in rules_of(kubernetes):
        for rule in manifest["spec"]["groups"][0]["rules"]:
            names = set(re.findall(r"([a-z_]+){", rule["expr"]))
            assert names <= contract | of_the_cluster, rule["alert"]
            assert names, rule["alert"]
            labels = set(re.findall(r'(\w+)(?:=|=~|!~)"', rule["expr"]))
            known = {"namespace", "job", "route", "status", "level", "container", "pod", "deployment", "cronjob"}
            assert labels <= known, rule["alert"]


def test_each_alert_says_what_to_do(kubernetes: Rendered) -> None:
    places = document.anchors((kubernetes.project / document.DEPLOY).read_text())
    watched = kubernetes.answers["kubernetes_monitoring"] == "prometheus-operator"
    assert bool(rules_of(kubernetes)) == watched
    home = f"https://github.com/{ORDERS['repository']}/blob/main/{document.DEPLOY}"
    for manifest in rules_of(kubernetes):
        for rule in manifest["spec"]["groups"][0]["rules"]:
            page, _, place = rule["annotations"]["runbook_url"].partition("#")
            assert page == home, rule["alert"]
            assert place in places, f"{rule['alert']}: {document.DEPLOY} has no heading #{place}"
            assert rule["annotations"]["summary"], rule["alert"]
            assert rule["labels"]["severity"] in {"critical", "warning"}, rule["alert"]

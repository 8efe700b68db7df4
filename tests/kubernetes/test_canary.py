"""How a canary is judged and given its share, with a cluster that is played; tests/cluster does it on a real one."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from shipshape.template import Answers

from tests.support.cluster.manifests import Rendered, of_kind, one
from tests.support.paths import ROOT
from tests.support.render import ORDERS

NAME = ORDERS["service_name"]
RECORDED = ROOT / "tests/dashboards/recorded"
# The cluster: each look at the pods takes the next line of `looks`, which has them, and what each answers at /metrics;
# the last line stays.
KUBECTL = r"""#!/bin/bash
case "$*" in
  *'get replicasets'*) cat sets ;;
  *'get pods'*'pod-template-hash=new'*)
    head -n 1 looks > now
    (($(wc -l < looks) == 1)) || sed -i 1d looks
    cat now ;;
  *port-forward*) pod=${4#pod/}; echo "Forwarding from 127.0.0.1:1$pod -> 8080"; exec sleep 5 ;;
  *) echo "the cluster was asked for more: $*" >&2; exit 1 ;;
esac
"""
CURL = r"""#!/bin/bash
port=${*: -1}; port=${port#*127.0.0.1:1}
jq --raw-output --arg pod "${port%%/*}" '.metrics[$pod]' now
"""


SETS = [
    {"metadata": {
        "ownerReferences": [{"name": f"{NAME}-{slot}"}], "labels": {"pod-template-hash": new},
        "annotations": {"deployment.kubernetes.io/revision": "1"},
    }} for slot, new in (("blue", "new"), ("green", "old"))
]  # fmt: skip


def metrics(good: int, failed: int = 0, slow: int = 0, probes: int = 0) -> str:
    """What a pod answers at /metrics: requests, of which some failed or took two seconds; and those of the kubelet."""
    lines = [f'http_requests_total{{method="GET",route="/healthz",status="200"}} {probes}']
    for status, number, late in (("200", good, slow), ("500", failed, 0)):
        labels = f'method="GET",route="/items/{{id}}",status="{status}"'
        lines.append(f"http_requests_total{{{labels}}} {number}.0")
        for bound, fast in (("0.5", number - late), ("1.0", number - late), ("2.5", number), ("+Inf", number)):
            lines.append(f'http_request_duration_seconds_bucket{{{labels},le="{bound}"}} {fast}.0')
        lines.append(f"http_request_duration_seconds_count{{{labels}}} {number}.0")
    return "\n".join(lines)


def look(*pods: str, restarts: int = 0) -> str:
    """The pods 0, 1 … with these metrics."""
    ready = {
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [{"restartCount": restarts}],
    }
    items = [{"metadata": {"name": str(number)}, "status": ready} for number in range(len(pods))]
    return json.dumps({"items": items, "metrics": {str(number): text for number, text in enumerate(pods)}})


@dataclass(frozen=True)
class Project:
    folder: Path

    def judge(self, *looks: str, environment: str = "production", **settings: str) -> subprocess.CompletedProcess[str]:
        (self.folder / "looks").write_text("".join(f"{line}\n" for line in looks))
        path = self.folder / "deploy/kubernetes/judge.sh"
        return self.run([str(path), environment, f"{NAME}-blue"], {"CANARY_SECONDS": "1"} | settings)

    def run(self, command: list[str], settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
        told = os.environ | {"PATH": f"{self.folder}:{os.environ['PATH']}"} | settings
        return subprocess.run(
            command, cwd=self.folder, env=told, capture_output=True, text=True, check=False, timeout=60
        )


@pytest.fixture
def project(rendered: Callable[[Answers], Path], tmp_path: Path) -> Project:
    answers = {"language": "go", "database": "none", "orchestrator": "kubernetes", "deployment_strategy": "canary"}
    shutil.copytree(rendered(answers) / "deploy", tmp_path / "deploy")
    for name, text in (("kubectl", KUBECTL), ("curl", CURL), ("sets", json.dumps({"items": SETS}))):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    return Project(tmp_path)


FAILED, SLOW = "requests to NAME failed: more than 5 %", "requests to NAME took longer than 1 s: more than 5 %"
FEW = "requests (http_requests_total), too few to judge by: wait for 50, or set CANARY_REQUESTS lower"
JUDGED = {
    # What a pod counted before the step is no matter.
    "good": ([look(metrics(500, 90)), look(metrics(600, 94))], "NAME did well with 104 requests"),
    "5xx": ([look(metrics(0)), look(metrics(90, 10))], f"10 of 100 {FAILED}"),
    # Probes, which always go well, would make two in ten look like one in a hundred.
    "probes": ([look(metrics(0)), look(metrics(48, 12, probes=9000))], f"12 of 60 {FAILED}"),
    "slow": ([look(metrics(0)), look(metrics(90, slow=6))], f"6 of 90 {SLOW}"),
    "few": ([look(metrics(7)), look(metrics(40, 9))], f"NAME got 42 {FEW}"),
    "restart": ([look(metrics(0)), look(metrics(90), restarts=1)], "a pod of NAME restarted"),
    # One that the autoscaler adds counts from its beginning; one that it takes away still counts.
    "scaled": (
        [look(metrics(5)), look(metrics(45), metrics(70)), look(metrics(50))],
        "NAME did well with 115 requests",
    ),
}


@pytest.mark.parametrize("case", JUDGED)
def test_a_version_is_judged_by_what_its_own_pods_count(project: Project, case: str) -> None:
    looks, said = JUDGED[case]
    done = project.judge(*looks, CANARY_SECONDS=str(2 * len(looks) - 3))
    assert done.stderr.splitlines()[-1] == f"judge: {said.replace('NAME', f'{NAME}-blue')}"
    assert done.returncode == (0 if "did well" in said else 1)


def test_nobody_need_ask_in_staging(project: Project) -> None:
    """https://github.com/fluxcd/flagger/issues/1035: without traffic, each deployment failed."""
    done = project.judge(look(metrics(0)), environment="staging")
    assert done.returncode == 0, done.stderr
    assert done.stderr.endswith(
        "got 0 requests (http_requests_total), too few to judge by, which is no matter in staging\n"
    )


def test_a_version_without_a_ready_pod_does_not_do_well(project: Project) -> None:
    done = project.judge(look())
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"judge: no pod of {NAME}-blue is ready", f"judge: the metrics of {NAME}-blue can't be read",
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["go", "java", "node", "python", "rust", "web"])
def test_the_metrics_of_each_language_are_understood(project: Project, language: str) -> None:
    """As its running service has answered: how often it was asked, and that all of it was timed."""
    text = (RECORDED / f"{language}.prom").read_text()
    lines = [
        line
        for line in text.splitlines()
        if not any(f'="/{name}"' in line for name in ("healthz", "readyz", "metrics"))
    ]
    asked = sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("http_requests_total{"))
    failed = sum(
        float(line.rpartition(" ")[2])
        for line in lines
        if line.startswith("http_requests_total{") and 'status="5' in line
    )
    assert asked > 0
    judge = project.folder / "deploy/kubernetes/judge.sh"
    head = judge.read_text().partition("\nseen=''")[0]
    judge.write_text(f"{head}\ncounted < {RECORDED / language}.prom\n")
    done = project.run([str(judge), "production", NAME], {"CANARY_P95_SECONDS": "10"})
    assert done.stdout == f"{asked:.0f} {failed:.0f} {asked:.0f} {asked:.0f}\n", done.stderr


ROUTE: dict[str, Any] = {
    "spec": {
        "hostnames": ["orders.example.com"],
        "rules": [
            {"matches": [{"path": {"type": "PathPrefix", "value": "/metrics"}}]},
            {"backendRefs": [{"name": NAME, "port": 80}, {"name": f"{NAME}-canary", "port": 80, "weight": 0}]},
            {"backendRefs": [{"name": "of-the-owner", "port": 80, "weight": 3}, {"name": NAME, "port": 80}]},
        ],
    }
}  # fmt: skip


@pytest.mark.parametrize("percent", [0, 1, 10, 99])
def test_a_share_is_given_where_both_are_and_nothing_else_is_changed(project: Project, percent: int) -> None:
    """Never is the sum 0: a Gateway answers 500 then, or refuses the route.

    https://github.com/kubernetes-sigs/gateway-api/issues/596, https://github.com/kgateway-dev/kgateway/issues/11548
    """
    (project.folder / "route.json").write_text(json.dumps(ROUTE))
    script = f"""
      set -euo pipefail
      source deploy/kubernetes/lib.sh
      source deploy/kubernetes/canary.sh
      kube() {{ if [[ $1 == get ]]; then cat route.json; else printf '%s\\n' "${{@: -1}}" > patch; fi; }}
      share {percent}
    """
    done = project.run(["bash", "-c", script], {})
    assert done.returncode == 0, done.stderr
    patched = json.loads((project.folder / "patch").read_text())
    inside, shared, own = patched["spec"]["rules"]
    assert (inside, own) == (ROUTE["spec"]["rules"][0], ROUTE["spec"]["rules"][2])
    assert {one["name"]: one["weight"] for one in shared["backendRefs"]} == {
        NAME: 100 - percent, f"{NAME}-canary": percent,
    }  # fmt: skip
    assert patched["spec"].keys() == {"rules"}


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("CANARY_STEPS", "10 100", 'CANARY_STEPS is "10 100": use shares from 1 to 99'),
        ("CANARY_STEPS", "5,20", 'CANARY_STEPS is "5,20": use shares from 1 to 99'),
        ("CANARY_SECONDS", "5m", 'CANARY_SECONDS is "5m": use a whole number, at least 1'),
        ("CANARY_SECONDS", "0", 'CANARY_SECONDS is "0": use a whole number, at least 1'),
        ("CANARY_REQUESTS", "-1", 'a setting of the canary is "-1": use a whole number'),
        ("CANARY_P95_SECONDS", "500ms", 'CANARY_P95_SECONDS is "500ms": use seconds'),
    ],
)
def test_a_setting_that_can_not_be_is_named_before_anything_is_done(
    project: Project, setting: str, value: str, said: str
) -> None:
    done = project.run(["deploy/kubernetes/deploy.sh", "production", "image"], {setting: value})
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2
    assert line.startswith(f"deploy: {said}")


def test_the_way_to_a_canary_is_there_and_is_not_counted_twice(kubernetes: Rendered) -> None:
    """Afterwards both Services have the same pods: https://github.com/argoproj/argo-rollouts/issues/3225."""
    canary = kubernetes.answers["deployment_strategy"] == "canary"
    for name, manifests in kubernetes.sets.items():
        if not name.startswith("deployed/"):
            continue
        named = {service["metadata"]["name"]: service for service in of_kind(manifests, "Service")}
        assert (f"{NAME}-canary" in named) == canary, name
        if not canary:
            continue
        slot = one(manifests, "Deployment")["spec"]["selector"]["matchLabels"]["slot"]
        assert named[f"{NAME}-canary"]["spec"]["selector"]["slot"] == slot, "it leads to what has not been tried"
        assert named[f"{NAME}-canary"]["spec"]["ports"] == named[NAME]["spec"]["ports"]
        (route,) = [route for route in of_kind(manifests, "HTTPRoute") if route["metadata"]["name"] == NAME]
        (rule,) = [rule for rule in route["spec"]["rules"] if rule.get("backendRefs")]
        assert {ref["name"]: ref["weight"] for ref in rule["backendRefs"]} == {NAME: 100, f"{NAME}-canary": 0}
        for monitor in of_kind(manifests, "ServiceMonitor"):
            (left_out,) = monitor["spec"]["selector"]["matchExpressions"]
            assert left_out["operator"] == "DoesNotExist"
            assert left_out["key"] in named[f"{NAME}-canary"]["metadata"]["labels"]
            assert left_out["key"] not in named[NAME]["metadata"]["labels"]

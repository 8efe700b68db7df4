"""right-size.sh asks a real Prometheus, and what it proposes is a patch that kustomize takes.

How such proposals broke for others: memory below what was used once (robusta-dev/krr#379, kubernetes/autoscaler#3961),
a service that was slower with what was proposed (kubernetes/autoscaler#2016), and nothing proposed without a reason
(robusta-dev/krr#174).
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from shipshape.template import Answers

from tests.support.cluster.manifests import kubectl
from tests.support.prometheus import serving
from tests.support.render import ORDERS
from tests.support.tools import run

SERVICE = ORDERS["service_name"]
MINUTES, MIB = 30 * 60, 1 << 20


def lines(namespace: str, minutes: int, throttled: float, now: int) -> Iterator[tuple[str, str]]:
    """One pod, by cAdvisor and kube-state-metrics: 0.043 cores, in one minute of 25 0.4; 100 MiB, once 130."""
    labels = f'namespace="{namespace}",pod="{SERVICE}-5d9c7b-x7k2p",container="app"'
    used = 0.0
    for number in range(minutes):
        at = now - (minutes - 1 - number) * 60
        busy = number % 500 >= 480
        used += 60 * (0.4 if busy else 0.043)
        for name, value in {
            f"container_cpu_usage_seconds_total{{{labels}}}": used,
            f"container_cpu_cfs_periods_total{{{labels}}}": number * 600,
            f"container_cpu_cfs_throttled_periods_total{{{labels}}}": number * 600 * throttled,
            f"container_memory_working_set_bytes{{{labels}}}": (130 if number == minutes // 2 else 100) * MIB,
            f'kube_pod_container_resource_limits{{{labels},resource="cpu"}}': 1,
        }.items():
            yield name.partition("{")[0], f"{name} {value} {at}"


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    series: dict[str, list[str]] = {}
    now = int(time.time())
    for namespace, minutes, throttled in ((SERVICE, MINUTES, 0.2), (f"{SERVICE}-staging", MINUTES, 0.01)):
        for name, line in lines(namespace, minutes, throttled, now):
            series.setdefault(name, []).append(line)
    text = "\n".join(line for several in series.values() for line in several) + "\n# EOF\n"
    with serving(text, tmp_path_factory.mktemp("prometheus")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def project(rendered: Callable[[Answers], Path], tmp_path: Path) -> Path:
    answers = {"language": "go", "orchestrator": "kubernetes", "kubernetes_monitoring": "prometheus-operator"}
    return Path(shutil.copytree(rendered(answers), tmp_path / "project"))


def propose(project: Path, *arguments: str, prometheus: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [project / "deploy/kubernetes/right-size.sh", *arguments], env=os.environ | {"PROMETHEUS_URL": prometheus},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_what_it_proposes_is_taken_over_as_it_says(project: Path, prometheus: str) -> None:
    said = propose(project, "staging", prometheus=prometheus)
    assert said.returncode == 0, said.stderr
    assert f"{SERVICE} in {SERVICE}-staging, 30 hours" in said.stdout
    patch = said.stdout.partition("kustomization.yml:\n\n")[2]
    own = project / "deploy/kubernetes/own/kustomization.yml"
    own.write_text(own.read_text().replace("patches: []\n", f"patches:\n{patch}"))
    made = run([kubectl(), "kustomize", str(project / "deploy/kubernetes/overlays/staging")])
    (deployment,) = [one for one in yaml.safe_load_all(made) if one["kind"] == "Deployment"]
    resources = deployment["spec"]["template"]["spec"]["containers"][0]["resources"]
    # Memory: the 130 MiB of the one time, in steps of 16; the limit a quarter above.
    # CPU: 43m are 70 % of 62m; a limit that held nothing back stays.
    assert resources["requests"] == {"cpu": "70m", "memory": "144Mi", "ephemeral-storage": "64Mi"}
    assert resources["limits"]["memory"] == "176Mi"
    assert resources["limits"]["cpu"] == "1000m"


def test_a_service_that_was_held_back_gets_a_higher_limit(project: Path, prometheus: str) -> None:
    said = propose(project, "production", prometheus=prometheus).stdout
    assert re.search(r"held back in 20 % of the time", said)
    assert "limits/cpu, value: 1500m" in said


def test_less_than_a_day_is_no_measure(project: Path, prometheus: str) -> None:
    project_of_another = project / "deploy/kubernetes/lib.sh"
    project_of_another.write_text(project_of_another.read_text().replace(f"name={SERVICE}", "name=another"))
    said = propose(project, "production", prometheus=prometheus)
    assert (said.returncode, said.stdout) == (1, "")
    assert "has 0 hours of another" in said.stderr


@pytest.mark.parametrize("arguments", [[], ["staging", "0"], ["staging", "a week"], ["staging", "7", "8"]])
def test_bad_arguments_are_answered_by_the_usage(project: Path, arguments: list[str]) -> None:
    said = propose(project, *arguments, prometheus="http://127.0.0.1:9")
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr == "Usage: deploy/kubernetes/right-size.sh staging|production [DAYS]\n"


def test_where_no_prometheus_answers_it_says_so(project: Path) -> None:
    said = propose(project, "staging", prometheus="http://127.0.0.1:9")
    assert said.returncode == 1
    assert "say where it is by PROMETHEUS_URL" in said.stderr.splitlines()[-1]

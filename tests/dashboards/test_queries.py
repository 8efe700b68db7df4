"""Every query of every dashboard, asked of a real Prometheus that scrapes what a running service has answered.

`python -m tests.dashboards.record` records it anew; tests/image asks each image whether it still gives that.
"""

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.dashboards.boards import BOARDS, SERVICE, Board, board, grouped, read
from tests.support import contract
from tests.support.prometheus import INTERVAL, Prometheus, Target, started
from tests.support.render import TEMPLATE, name_of

RECORDED = Path(__file__).with_name("recorded")
LANGUAGES = list(TEMPLATE.table("languages"))
POD = f"{SERVICE}-5d9c7b-x7k2p"
WINDOW = f"{4 * INTERVAL}s"  # as Grafana makes $__rate_interval of a panel's interval
# Kubernetes' own, of recorded/cluster.prom, and what Prometheus itself keeps of each target.
OF_THE_CLUSTER = {
    "kube_deployment_spec_replicas": {"namespace", "deployment"},
    "kube_deployment_status_replicas_available": {"namespace", "deployment"},
    "kube_horizontalpodautoscaler_spec_max_replicas": {"namespace", "horizontalpodautoscaler"},
    "kube_pod_container_status_restarts_total": {"namespace", "pod", "container"},
    "kube_pod_container_resource_limits": {"namespace", "pod", "container", "resource"},
    "container_cpu_usage_seconds_total": {"namespace", "pod", "container"},
    "container_cpu_cfs_periods_total": {"namespace", "pod", "container"},
    "container_cpu_cfs_throttled_periods_total": {"namespace", "pod", "container"},
    "container_memory_working_set_bytes": {"namespace", "pod", "container"},
}
OF_THE_HOST: dict[str, set[str]] = {"up": set()}
# What the rendered files put on each series: tests/dashboards/test_files.py compares.
OF_A_TARGET = {"kubernetes": {"namespace", "job", "pod"}, "compose": {"environment", "job", "instance"}}


def recorded(language: str) -> str:
    return (RECORDED / f"{language}.prom").read_text()


def targets() -> Iterator[Target]:
    """A service of each language in each place: its namespace, or its environment, is the language's name."""
    for language in LANGUAGES:
        text = recorded(language)
        yield {"job": SERVICE, "namespace": language, "pod": POD, "endpoint": "http", "container": "app"}, text
        yield {"job": SERVICE, "environment": language, "instance": "127.0.0.1:9180"}, text
        yield (
            {"job": "kube-state-metrics", "instance": language},
            (RECORDED / "cluster.prom").read_text().replace("NAMESPACE", language),
        )
    failing = recorded("go").replace('status="404"', 'status="500"')
    yield {"job": SERVICE, "namespace": "failing", "pod": POD}, failing


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with started(list(targets()), tmp_path_factory.mktemp("prometheus")) as one:
        yield one


@pytest.fixture(params=BOARDS, ids=name_of)
def each(request: pytest.FixtureRequest, rendered: Callable[[Answers], Path]) -> Board:
    return board(rendered(request.param), request.param)


def of(rendered: Callable[[Answers], Path], language: str, orchestrator: str = "kubernetes") -> Board:
    answers = next(one for one in BOARDS if (one["language"], one["orchestrator"]) == (language, orchestrator))
    return board(rendered(answers), answers)


def test_each_metric_and_label_is_one_that_the_service_gives(each: Board) -> None:
    orchestrator = each.answers["orchestrator"]
    own = contract.metrics(each.answers["language"], each.answers["database"])
    others = OF_THE_CLUSTER if orchestrator == "kubernetes" else OF_THE_HOST
    for query in each.queries:
        names = read(query.text)
        assert names or query.text.startswith("vector("), query
        for name, label in names:
            metric = contract.family(name, own | others)
            assert metric in own | others, f"{query.panel}: {name} is not in docs/contract.md for {each.answers}"
            labels = (own | others)[metric] | (set() if metric in OF_THE_CLUSTER else OF_A_TARGET[orchestrator])
            assert not label or label in labels, f"{query.panel}: {name} has no label {label}"
        known = {label for name, _ in names for label in (own | others)[contract.family(name, own | others)]}
        assert grouped(query.text) <= known | {"le"} | OF_A_TARGET[orchestrator], query


def test_no_panel_is_empty(each: Board, prometheus: Prometheus) -> None:
    """Of each query, one number at least: a panel of NaN is an empty one."""
    for query in each.queries:
        time = prometheus.start if query == each.queries[0] else prometheus.now  # a version is noted when it is new
        found = prometheus.values(query.asked(each.variable, each.answers["language"], WINDOW), time)
        assert any(not math.isnan(value) for value in found.values()), f"{query.panel} is empty: {query.text}"


def test_the_panels_tell_what_was_recorded(rendered: Callable[[Answers], Path], prometheus: Prometheus) -> None:
    def ask(panel: str, number: int = 0, place: str = "go") -> dict[str, float]:
        query = of(rendered, "go").query(panel, number).asked("namespace", place, WINDOW)
        return {" ".join(value for _, value in labels): value for labels, value in prometheus.values(query).items()}

    assert set(ask("Requests")) == {"/", "/items", "/items/{id}", "unmatched"}
    assert all(value > 0 for value in ask("Requests").values())
    assert set(ask("Errors")) == {"404"}
    assert set(ask("Errors", place="failing")) == {"500"}
    (share,) = ask("Share of 5xx").values()
    assert share == 0, "no failure is no failure, and not nothing"
    (share,) = ask("Share of 5xx", place="failing").values()
    assert 0.1 < share < 0.6
    times = [value for number in range(3) for value in ask("Latency", number).values()]
    assert 0 < times[0] <= times[1] <= times[2] < 1
    assert set(ask("Readiness")) == {"200"}
    assert ask("Versions") == {"1.2.3": 1}
    assert [ask("Replicas", number)[""] for number in range(3)] == [2, 2, 6], "a neighbour's must not count"
    assert set(ask("CPU")) == {POD}
    assert ask("CPU", 1) == {"": 1}
    assert ask("Memory") == {POD: 67108864}
    assert math.isclose(ask("CPU held back")[POD], 0.1)


def test_a_new_version_is_noted(rendered: Callable[[Answers], Path], prometheus: Prometheus) -> None:
    query = of(rendered, "go").queries[0]
    assert query.panel == "Versions"
    asked = query.asked("namespace", "go", WINDOW)
    for after in (0, 4 * 60):
        assert prometheus.values(asked, prometheus.start + after) == {frozenset({("version", "1.2.3")}): 1}
    for after in (6 * 60, 20 * 60):
        assert prometheus.values(asked, prometheus.start + after) == {}, "one that goes on is none"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_recorded_is_what_the_contract_promises(language: str) -> None:
    promised = contract.metrics(language)
    found = contract.exposed(recorded(language))
    for name, labels in promised.items():
        assert name in found, f"{name} was not recorded"
        assert labels <= found[name], name

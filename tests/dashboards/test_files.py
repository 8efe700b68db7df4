"""The dashboards as Grafana reads them, and what stands beside them on a host; with what broke for others in public."""

import os
import re
import shutil
from collections import Counter
from collections.abc import Callable
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest
import yaml
from shipshape.template import Answers

from tests.dashboards.boards import BOARDS, PLACES, SERVICE, Board, board
from tests.support.cluster.manifests import program
from tests.support.render import ORDERS, document, name_of, render
from tests.support.tools import run

STRICT = Path(__file__).with_name("strict")
MONITORING = "deploy/compose/monitoring"
ALERTS = {"kubernetes": "deploy/kubernetes/overlays/production/alerts.yml", "compose": f"{MONITORING}/alerts.yml"}


@pytest.fixture(params=BOARDS, ids=name_of)
def each(request: pytest.FixtureRequest, rendered: Callable[[Answers], Path]) -> Board:
    return board(rendered(request.param), request.param)


@pytest.fixture
def host(rendered: Callable[[Answers], Path]) -> Path:
    return rendered({"language": "go", "orchestrator": "compose"})


def test_grafana_s_own_types_take_it(rendered: Callable[[Answers], Path]) -> None:
    """Every field, by Grafana's Foundation SDK: what it does not know, Grafana leaves out without a word."""
    if not shutil.which("go"):
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("Grafana's types are in Go")
    paths = [str(rendered(answers) / PLACES[answers["orchestrator"]][1]) for answers in BOARDS]
    run(["go", "run", ".", *paths], cwd=STRICT, env={"GOFLAGS": "-mod=readonly"})


def test_its_uid_is_the_service_s_name(each: Board) -> None:
    """Without one Grafana makes it anew at each start, https://github.com/prometheus/prometheus/pull/16819.

    More than 40 characters are refused, https://github.com/intel/xpumanager/issues/160; a service's name has no more.
    """
    assert each.content["uid"] == each.content["title"] == SERVICE
    assert "id" not in each.content, "an id is of one Grafana: https://github.com/grafana/grafana/issues/12411"


def test_it_takes_any_data_source(each: Board) -> None:
    """`__inputs` are for imports by hand: https://github.com/prometheus-community/helm-charts/issues/782."""
    assert "__inputs" not in each.content
    assert each.content["templating"]["list"][0]["name"] == "datasource"
    asking = [*each.panels, *each.content["annotations"]["list"]]
    assert all(one["datasource"] == {"type": "prometheus", "uid": "${datasource}"} for one in asking)


def test_no_panel_lies_on_another(each: Board) -> None:
    taken: Counter[tuple[int, int]] = Counter()
    for panel in each.panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        columns, rows = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
        taken.update((x, y) for x in columns for y in rows)
    assert max(taken.values()) == 1
    for what in ("id", "title"):
        assert len({panel[what] for panel in each.panels}) == len(each.panels), what
    for panel in each.panels:
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]), panel["title"]


def test_a_rate_has_time_for_some_scrapes(each: Board, rendered: Callable[[Answers], Path]) -> None:
    """Else it is empty: the data source says 15 s unless the panel says more, https://github.com/weka/csi-wekafs/pull/741."""
    project = rendered(each.answers)
    files = ("deploy/kubernetes/base/service-monitor.yml", f"{MONITORING}/prometheus.yml")
    scraped = [text for name in files if (project / name).exists() for text in [(project / name).read_text()]]
    (interval,) = re.findall(r"interval: (\w+)", "".join(scraped))
    for query in each.queries:
        fixed = re.findall(r"}\[([^]]+)\]", query.text)
        assert set(fixed) <= {"$__rate_interval", "5m", "15m"}, query
    assert {panel["interval"] for panel in each.panels} == {interval}


def test_lines_stand_where_alerts_begin(each: Board, rendered: Callable[[Answers], Path]) -> None:
    rules = rules_of(rendered(each.answers), each.answers["orchestrator"])
    drawn: dict[str, float] = {}
    for panel in each.panels:
        steps = panel["fieldConfig"]["defaults"].get("thresholds", {"steps": []})["steps"]
        drawn |= {alert: steps[1]["value"] for alert in rules if steps and alert in panel["description"]}
    assert drawn.keys() == {"HighErrorRate", "HighLatency", "LoggedErrors"}
    for alert, value in drawn.items():
        assert float(rules[alert]["expr"].rpartition(">")[2]) == value, alert


def rules_of(project: Path, orchestrator: str) -> dict[str, Any]:
    content = yaml.safe_load((project / ALERTS[orchestrator]).read_text())
    (group,) = content.get("spec", content)["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


def test_a_host_has_the_alerts_of_a_cluster(rendered: Callable[[Answers], Path], host: Path) -> None:
    """Those of requests and the log, which tests/kubernetes/test_alerts.py tries; by other labels."""
    cluster = rules_of(rendered({"language": "go", "orchestrator": "kubernetes"}), "kubernetes")
    here = rules_of(host, "compose")
    assert here.keys() - cluster.keys() == {"Down"}
    assert here.keys() & cluster.keys() == {"HighErrorRate", "HighLatency", "LoggedErrors"}
    for alert in here.keys() & cluster.keys():
        there = cluster[alert]["expr"].replace(f'namespace="{SERVICE}"', 'environment="production"')
        assert here[alert] == cluster[alert] | {"expr": there}


def test_each_alert_of_a_host_says_what_to_do(host: Path) -> None:
    places = document.anchors((host / document.DEPLOY).read_text())
    for alert, rule in rules_of(host, "compose").items():
        page, _, place = rule["annotations"]["runbook_url"].partition("#")
        assert page.endswith(f"/blob/main/{document.DEPLOY}")
        assert place in places, alert
        assert rule["labels"]["severity"] in {"critical", "warning"}


def test_prometheus_takes_what_a_host_gives_it(host: Path) -> None:
    promtool = program("promtool", "the package prometheus of Debian and Ubuntu")
    run([promtool, "check", "config", "prometheus.yml"], cwd=host / MONITORING)


def test_what_a_host_s_dashboard_asks_for_is_what_is_scraped(host: Path) -> None:
    settings = yaml.safe_load((host / MONITORING / "prometheus.yml").read_text())
    (job,) = settings["scrape_configs"]
    ((target,),) = [one["targets"] for one in job["static_configs"]]
    compose = yaml.safe_load((host / "deploy/compose/compose.prod.yaml").read_text())
    published = [str(port).rpartition(":")[0] for port in compose["services"]["proxy"]["ports"]]
    assert target in published, "where the proxy gives the live version's metrics"
    assert job["job_name"] == SERVICE
    assert job["static_configs"][0]["labels"] == {"environment": "production"}
    one = board(host, {"orchestrator": "compose"})
    assert {query.text.count(f"environment='$environment', job='{SERVICE}'") > 0 for query in one.queries} == {
        True,
        False,
    }
    assert all("$environment" in query.text for query in one.queries if not query.text.startswith("vector("))


@pytest.mark.parametrize(("values", "fires"), [("1x30 0x30", True), ("1x60", False), ("1x57 0x3", False)])
def test_who_does_not_answer_is_down(values: str, fires: bool, host: Path, tmp_path: Path) -> None:
    shutil.copy(host / MONITORING / "alerts.yml", tmp_path)
    series = f'up{{environment="production", job="{SERVICE}", instance="127.0.0.1:9180"}}'
    test = {
        "interval": "1m",
        "input_series": [{"series": series, "values": values}],
        "promql_expr_test": [
            {
                "expr": 'count(ALERTS{alertname="Down", alertstate="firing"})',
                "eval_time": "60m",
                "exp_samples": [{"value": 1}] if fires else [],
            }
        ],
    }
    content = {"rule_files": ["alerts.yml"], "evaluation_interval": "1m", "tests": [test]}
    (tmp_path / "tests.yml").write_text(yaml.safe_dump(content))
    promtool = program("promtool", "the package prometheus of Debian and Ubuntu")
    run([promtool, "test", "rules", "tests.yml"], cwd=tmp_path)


def test_two_services_have_two_dashboards(plain_template: Path, tmp_path: Path) -> None:
    """In one Grafana, whose folder and uids they share."""
    found = []
    for name, orchestrator in product(("orders-api", "orders-web"), PLACES):
        answers = ORDERS | {"service_name": name, "language": "go", "orchestrator": orchestrator}
        project = render(plain_template, tmp_path / f"{name}-{orchestrator}", **answers)
        found.append(board(project, answers))
    for one, other in combinations(found, 2):
        same = one.content["title"] == other.content["title"]
        assert (one.content["uid"] == other.content["uid"]) is same

"""Where the answers about a canary arrive: in what judges it and gives it its share, and on the page."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from shipshape.template import Answers

CANARY: Answers = {"language": "go", "database": "none", "deployment_strategy": "canary"}
SETTINGS = (
    '. deploy/kubernetes/canary.sh; printf "%s\\n" "$steps" "$most_failed" "$slowest"'
    ' "${usual_seconds[staging]}" "${usual_seconds[production]}"'
)


def page(project: Path) -> str:
    return (project / "deploy/README.md").read_text()


@pytest.mark.parametrize(
    ("steps", "minutes", "spoken"),
    [
        ("5 25", 3, "5 %, then 25 % of the requests, for 3 minutes each in production"),
        ("20", 1, "20 % of the requests, for 1 minute in production"),
    ],
)
def test_on_kubernetes(rendered: Callable[[Answers], Path], steps: str, minutes: int, spoken: str) -> None:
    told = {"canary_steps": steps, "canary_minutes": minutes, "canary_failed_percent": 2, "canary_p95_seconds": "0.25"}
    project = rendered(CANARY | {"orchestrator": "kubernetes"} | told)
    read = subprocess.run(["bash", "-euc", SETTINGS], cwd=project, capture_output=True, text=True, check=True)
    assert read.stdout.splitlines() == [steps, "2", "0.25", "30", str(60 * minutes)]
    assert spoken in page(project)
    assert "More than 2 % of answers of 5xx, more than 5 % that take longer than 0.25 s," in page(project)


def test_on_ecs(rendered: Callable[[Answers], Path]) -> None:
    told = {"canary_steps": "5", "canary_minutes": 3, "canary_failed_percent": 2}
    project = rendered(CANARY | {"orchestrator": "ecs"} | told)
    for environment, minutes in (("staging", "1"), ("production", "3")):
        given = json.loads((project / f"deploy/ecs/parameters/{environment}.json").read_text())["Parameters"]
        found = [given[f"Canary{name}"] for name in ("Percent", "Minutes", "FailedPercent")]
        assert found == ["5", minutes, "2"]
    assert "they get 5 % of the requests for 3 minutes in production and for one in staging, and all of them" in page(
        project
    )
    alarms = (project / "deploy/ecs/alarms.yml").read_text()
    assert alarms.count("MetricName: TargetConnectionErrorCount") == 2, "of each version: no answer tells of them"
    assert "| `canary` | more than 2 % of the requests" in page(project)


def test_on_lambda(rendered: Callable[[Answers], Path]) -> None:
    told = {"canary_steps": "7", "canary_minutes": 10, "lambda_provisioned_concurrency": 2}
    project = rendered(CANARY | {"orchestrator": "lambda", "registry": "ecr"} | told)
    for environment, kept_warm in (("staging", "0"), ("production", "2")):
        given = json.loads((project / f"deploy/lambda/parameters/{environment}.json").read_text())["Parameters"]
        assert (given["CanaryShare"], given["ProvisionedConcurrency"]) == ("0.07", kept_warm)
    assert ': "${WATCH_SECONDS:=300}" "${CANARY_SECONDS:=600}"' in (project / "deploy/lambda/deploy.sh").read_text()
    assert "gets 7 % of the requests (`CanaryShare`" in page(project)
    assert "for 10 minutes in production" in page(project)


@pytest.mark.parametrize("orchestrator", ["kubernetes", "ecs", "lambda"])
def test_the_job_has_time_for_all_of_it(rendered: Callable[[Answers], Path], orchestrator: str) -> None:
    """In minutes: a migration, the start, steps that last half as long again, and what comes after."""
    most = 10 + 5 + 1.5 * 10 + 2 * 5
    registry = {"registry": "ecr"} if orchestrator == "lambda" else {}
    project = rendered(CANARY | {"orchestrator": orchestrator} | registry)
    jobs = yaml.safe_load((project / ".github/workflows/deploy.yml").read_text())["jobs"]
    for name in ("staging", "production"):
        (step,) = (one for one in jobs[name]["steps"] if one.get("id") == "deploy")
        assert most <= step["timeout-minutes"] <= jobs[name]["timeout-minutes"] - 10, (
            "time must be left to take it back"
        )

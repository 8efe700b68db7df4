"""What `scripts/scan.sh` makes of a scanner's report.

The real scanner needs its database of vulnerabilities from the Internet; here a program with its calls stands for it,
whose reports have the form of Trivy's: https://trivy.dev/latest/docs/configuration/reporting/#json.
"""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.support import engine
from tests.support.render import COMBINATIONS, TEMPLATE

pytestmark = pytest.mark.engine

PROGRAM = """#!/usr/local/bin/python3
import json, os, sys
command, arguments = sys.argv[1], sys.argv[2:]
option = lambda name: arguments[arguments.index(name) + 1] if name in arguments else None
if command == "convert":
    report = json.load(open(arguments[-1]))
    written = {"sarif": {"version": "2.1.0", "runs": []}, "cosign-vuln": {"scanner": {"result": report}}}
    open(option("--output"), "w").write(json.dumps(written[option("--format")]))
else:
    assert option("--severity") == "HIGH,CRITICAL" and os.path.exists(option("--ignorefile"))
    for path in ("/work", "/"):
        try:
            open(path + "/probe", "w")
            sys.exit(f"{path} can be written")
        except OSError:
            pass
    assert not os.path.exists("/var/run/docker.sock")
    open(option("--output"), "w").write(json.dumps(REPORTS[command]))
"""
CLEAN = {"image": {"Results": [{"Target": "debian", "Packages": [{"Name": "openssl"}]}]}, "config": {}}
FOUND = {
    "image": {
        "Results": [
            {
                "Target": "usr/lib/libssl.so",
                "Vulnerabilities": [
                    {
                        "VulnerabilityID": "CVE-2026-1",
                        "PkgName": "openssl",
                        "FixedVersion": "3.5.9",
                        "Severity": "CRITICAL",
                    }
                ],
            },
            {"Target": "/app/key.pem", "Secrets": [{"RuleID": "private-key", "Severity": "HIGH"}]},
        ]
    },
    "config": {
        "Results": [
            {
                "Target": "Dockerfile",
                "Misconfigurations": [{"ID": "DS-0002", "Severity": "HIGH", "Resolution": "Add a USER"}],
            }
        ]
    },
}


@pytest.fixture
def scan(rendered: Callable[[Answers], Path], tmp_path: Path) -> Callable[[object], subprocess.CompletedProcess[str]]:
    base = TEMPLATE.table("pins")["images"]["python-3.14"]
    (tmp_path / "image.tar").write_text("an image")

    def run(reports: object) -> subprocess.CompletedProcess[str]:
        context = tmp_path / "scanner"
        context.mkdir()
        program = PROGRAM.replace("import json", f"REPORTS = {reports!r}\nimport json", 1)
        (context / "trivy").write_text(program)
        (context / "trivy").chmod(0o755)
        (context / "Dockerfile").write_text(f'FROM {base}\nCOPY trivy /usr/local/bin/trivy\nENTRYPOINT ["trivy"]\n')
        engine.build(context, "--tag=shipshape-test/scanner")
        project = shutil.copytree(rendered(COMBINATIONS[0]), tmp_path / "project")
        return subprocess.run(
            ["scripts/scan.sh", "shipshape-test/scanner", tmp_path / "image.tar", tmp_path / "reports"],
            cwd=project, env=engine.environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


def test_nothing_found_is_said(scan: Callable[[object], subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    result = scan(CLEAN)
    assert result.returncode == 0, result.stderr
    assert "Nothing HIGH or CRITICAL that can be fixed." in result.stdout
    assert json.loads((tmp_path / "reports/image.sarif").read_text())["version"] == "2.1.0"
    predicate = json.loads((tmp_path / "reports/image.vuln.json").read_text())
    assert predicate == {"scanner": {"result": {"Results": [{"Target": "debian"}]}}}, "packages are in the SBOM"


def test_each_kind_of_finding_fails_and_is_listed(
    scan: Callable[[object], subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    result = scan(FOUND)
    assert result.returncode == 1
    for line in (
        "| CRITICAL | CVE-2026-1 | openssl | 3.5.9 |",
        "| HIGH | private-key | /app/key.pem | remove it |",
        "| HIGH | DS-0002 | Dockerfile | Add a USER |",
    ):
        assert line in result.stdout
    assert (tmp_path / "reports/summary.md").read_text() == result.stdout
    assert (tmp_path / "reports/image.sarif").exists(), "the findings are shown on GitHub all the same"


def test_a_scanner_that_fails_is_not_a_clean_image(
    scan: Callable[[object], subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """A database that can't be downloaded: the reason is in the log, and the summary says that nothing is known."""
    result = scan({})
    assert result.returncode == 1
    assert "KeyError" in result.stderr
    assert "scan: the scanner failed (trivy image)" in result.stderr
    assert "nothing is known of this image" in (tmp_path / "reports/summary.md").read_text()
    assert not list((tmp_path / "reports").glob("*.vuln.json"))

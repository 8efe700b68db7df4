"""The report as SARIF 2.1.0, which GitHub shows under Security: https://docs.oasis-open.org/sarif/sarif/v2.1.0/."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from typing import Any, TextIO
from urllib.parse import quote

from .report import Finding, Report
from .rules import Rule

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
# GitHub sorts by it: https://docs.github.com/en/code-security/reference/code-scanning/sarif-support-for-code-scanning
SECURITY = {"error": "8.0", "warning": "5.0", "note": "2.0"}


def as_sarif(report: Report, out: TextIO) -> None:
    """Print one run, with the linters' findings under their own names, and what is accepted as suppressed."""
    names = sorted({finding.name for finding in report.findings})
    known = {finding.name: finding.rule for finding in report.findings}
    driver = {
        "name": "shipshape",
        "version": version("shipshape"),
        "rules": [_rule(name, known[name]) for name in names],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, names.index(finding.name)) for finding in report.findings],
        "properties": {"score": report.score},
    }
    json.dump({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, out, indent=2)
    out.write("\n")


def _rule(name: str, rule: Rule | None) -> dict[str, Any]:
    if not rule:
        return {"id": name, "shortDescription": {"text": f"{name.partition('/')[0]} says so"}}
    return {
        "id": name,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.mend}\n{rule.source}"},
        "helpUri": rule.source,
        "defaultConfiguration": {"level": rule.severity},
        "properties": {"security-severity": SECURITY[rule.severity], "weight": rule.weight},
    }


def _result(finding: Finding, index: int) -> dict[str, Any]:
    digest = hashlib.sha256(
        f"{finding.name}\0{finding.path}\0{finding.text}".encode(errors="surrogateescape")
    ).hexdigest()
    result: dict[str, Any] = {
        "ruleId": finding.name,
        "ruleIndex": index,
        "level": finding.severity,
        "message": {"text": finding.text},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {
                        "uri": quote(finding.path, errors="surrogateescape"),
                        "uriBaseId": "%SRCROOT%",
                    },
                    "region": {"startLine": max(finding.line, 1)},
                }
            }
        ],
        "partialFingerprints": {"shipshape/v1": digest},
    }
    if finding.reason:
        result["suppressions"] = [{"kind": "external", "justification": finding.reason}]
    return result

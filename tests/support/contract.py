"""What docs/contract.md promises of metrics, read out of its tables."""

import re
from functools import cache

from tests.support.paths import ROOT

NAMED = {"go": "Go", "web": "web", "node": "TypeScript", "java": "Java", "python": "Python", "rust": "Rust"}
ROW = re.compile(r"^\| (?P<first>[^|]+) \| (?P<second>[^|]+) \|(?: (?P<third>[^|]+) \|)?$", re.MULTILINE)
# What Prometheus makes of one histogram or summary.
SUFFIXES = ("_bucket", "_sum", "_count")


@cache
def metrics(language: str, database: str = "postgres") -> dict[str, set[str]]:
    """The labels of each metric that a service of this language gives, by the metric's name."""
    text = (ROOT / "docs/contract.md").read_text()
    section = text[text.index("\n## Metrics\n") : text.index("\n## Logs\n")]
    found: dict[str, set[str]] = {}
    for row in ROW.finditer(section):
        if row["third"] and row["first"].startswith("`"):
            found[row["first"].strip("`")] = set(re.findall(r"`(\w+)`", row["third"]))
        elif covers(row["first"], language):
            usual, _, more = row["second"].partition("with a database")
            for part in (usual, more if database != "none" else ""):
                found |= of_a_list(part)
    return found


def covers(languages: str, language: str) -> bool:
    name = NAMED[language]
    everybody, _, but = languages.partition("all but ")
    return name not in but if but else name in everybody.split(", ")


def of_a_list(text: str) -> dict[str, set[str]]:
    """Of "`a`, `b` and `c` (`x`)": b and c have the label x."""
    found: dict[str, set[str]] = {}
    for group in re.findall(r"[^,;]+", text):
        names, _, labels = group.partition("(")
        for name in re.findall(r"`(\w+)`", names):
            found[name] = set(re.findall(r"`(\w+)`", labels))
    return found


def family(name: str, known: dict[str, set[str]]) -> str:
    """The metric of the contract that a series belongs to: of a histogram, there are three."""
    for suffix in SUFFIXES:
        if name not in known and name.endswith(suffix):
            return name.removesuffix(suffix)
    return name


def exposed(text: str) -> dict[str, set[str]]:
    """The labels of each metric in an exposition; those of a histogram or a summary together."""
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
    found: dict[str, set[str]] = {}
    for name, labels in re.findall(r"^(\w+)(?:\{(.*)\})? \S+$", text, re.MULTILINE):
        metric = next((name.removesuffix(end) for end in SUFFIXES if name.removesuffix(end) in kinds), name)
        found.setdefault(metric, set()).update(re.findall(r'(\w+)="', labels))
    return found

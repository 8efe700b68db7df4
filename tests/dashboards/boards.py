"""The dashboards of every language and orchestrator, and the queries in them."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shipshape.template import Answers

from tests.support.render import ORDERS, TEMPLATE

SERVICE = ORDERS["service_name"]
# The label that tells environments apart there, and the file.
PLACES = {
    "kubernetes": ("namespace", "deploy/kubernetes/overlays/production/dashboard.json"),
    "compose": ("environment", "deploy/compose/monitoring/dashboard.json"),
}
BOARDS: list[Answers] = [
    {"language": language, "database": database, "orchestrator": orchestrator}
    for language, row in TEMPLATE.table("languages").items()
    for database in row["databases"]
    for orchestrator in PLACES
]


@dataclass(frozen=True)
class Query:
    """A query of a panel, or of the annotations."""

    panel: str
    legend: str
    text: str

    def asked(self, variable: str, value: str, interval: str) -> str:
        """As Grafana sends it: with the variables' values."""
        text = self.text.replace(f"${variable}", value).replace("$__rate_interval", interval)
        assert "$" not in text, f"{self.panel}: a variable that the dashboard does not have: {text}"
        return text


@dataclass(frozen=True)
class Board:
    """A rendered dashboard."""

    answers: Answers
    content: dict[str, Any]

    @property
    def variable(self) -> str:
        return PLACES[self.answers["orchestrator"]][0]

    @property
    def panels(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.content["panels"]
        return found

    @property
    def queries(self) -> list[Query]:
        notes = [Query(one["name"], "", one["expr"]) for one in self.content["annotations"]["list"]]
        return notes + [
            Query(panel["title"], target["legendFormat"], target["expr"])
            for panel in self.panels
            for target in panel["targets"]
        ]

    def query(self, panel: str, number: int = 0) -> Query:
        return [one for one in self.queries if one.panel == panel and one.legend][number]


def board(project: Path, answers: Answers) -> Board:
    return Board(answers, json.loads((project / PLACES[answers["orchestrator"]][1]).read_text()))


def read(query: str) -> set[tuple[str, str]]:
    """Each metric of a query with each label that is asked of it: no label is ''."""
    found = set()
    for name, labels in re.findall(r"\b(\w+)\{([^}]*)\}", query):
        found.add((name, ""))
        found |= {(name, label) for label in re.findall(r"(\w+)(?:=~|!~|!=|=)", labels)}
    return found


def grouped(query: str) -> set[str]:
    """The labels that the query's aggregations keep."""
    return {label for group in re.findall(r"\b(?:by|on) \(([^)]*)\)", query) for label in group.split(", ")}

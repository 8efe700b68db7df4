"""Each rule fires where it must, and nowhere else."""

import re
from collections import defaultdict
from pathlib import Path

import pytest
from shipshape.audit.checks import CHECKS
from shipshape.audit.repository import look
from shipshape.audit.rules import AREAS, rules

from tests.audit.case import Case, cases
from tests.support.rules import tables, written

ALL = list(cases())


@pytest.mark.usefixtures("without_git")
@pytest.mark.parametrize("case", ALL, ids=[f"{case.rule}-{case.kind}-{case.number}" for case in ALL])
def test_a_rule_fires_where_it_must_and_nowhere_else(case: Case, tmp_path: Path) -> None:
    found, files = look(case.write(tmp_path))
    assert not [notice for notice in files.notices if "no YAML" in notice.text]
    verdicts = list(CHECKS[case.rule](found))
    faults = [verdict for verdict in verdicts if verdict.fault]
    if case.kind == "fires":
        assert faults
        assert {verdict.path for verdict in faults} <= case.files.keys()
        assert not case.line or [verdict.line for verdict in faults] == [case.line]
    else:
        assert not faults
        assert bool(verdicts) == (case.kind == "kept"), "judged or not"


def test_each_rule_has_a_check_and_cases() -> None:
    assert rules().keys() == CHECKS.keys()
    kinds = defaultdict(set)
    for case in ALL:
        kinds[case.rule].add(case.kind)
    assert kinds.keys() == rules().keys()
    assert [name for name, has in kinds.items() if not has >= {"fires", "kept"}] == []


@pytest.mark.parametrize("rule", rules().values(), ids=rules())
def test_a_rule_says_why_and_by_whose_advice(rule) -> None:  # type: ignore[no-untyped-def]
    assert rule.id.partition("-")[0] in AREAS
    assert rule.severity in {"error", "warning", "note"}
    assert 1 <= rule.weight <= 5
    assert (rule.severity == "error") == (rule.weight >= 4) or rule.severity == "warning"
    assert re.match(r"https://[\w.-]+/", rule.source)
    assert not rule.title.endswith(".")
    for text in (rule.why, rule.mend):
        assert text.endswith("."), text


def test_the_page_has_the_rules_as_they_are() -> None:
    assert written() == tables(), "run `make rules`"

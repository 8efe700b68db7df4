"""What we render keeps every rule: 100 in each combination of answers."""

from collections.abc import Callable
from pathlib import Path

import pytest
from shipshape.audit import audit
from shipshape.audit.rules import AREAS
from shipshape.template import Answers

from tests.support.render import COMBINATIONS, PIPELINES, name_of
from tests.support.render.answers import ECS, KUBERNETES

# Those that every two answers meet in, as the linters get them; other layers of a run render them too.
EVERYTHING = list({name_of(answers): answers for answers in [*PIPELINES, *KUBERNETES, *ECS, *COMBINATIONS]}.values())


@pytest.mark.parametrize("answers", EVERYTHING, ids=name_of)
def test_a_rendering_scores_100(answers: Answers, rendered: Callable[[Answers], Path]) -> None:
    report = audit(rendered(answers), with_linters=False)
    assert [(one.name, one.path, one.line, one.text) for one in report.findings] == []
    assert [one for one in report.notices if "to develop or test with" not in one.text] == []
    assert report.score == 100


@pytest.mark.parametrize(
    ("orchestrator", "extra"),
    [("compose", {"Compose"}), ("kubernetes", {"Compose", "Kubernetes"}), ("ecs", {"Compose", "CloudFormation"})],
)
def test_a_rendering_is_judged_in_all_that_it_has(
    orchestrator: str, extra: set[str], rendered: Callable[[Answers], Path]
) -> None:
    answers = next(one for one in COMBINATIONS if one["orchestrator"] == orchestrator and one["language"] == "java")
    report = audit(rendered(answers), with_linters=False)
    judged = {share.rule.area for share in report.shares}
    assert judged - {AREAS["ignore"]} == {"Dockerfile", "GitHub Actions", "Repository"} | extra
    assert len(report.shares) > 35

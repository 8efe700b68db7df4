"""checkov finds nothing in the stacks but what tests/accepted.yml accepts."""

from collections.abc import Callable
from pathlib import Path

from shipshape.template import Answers

from tests.support.findings import accepted, compare, of_checkov
from tests.support.render.answers import ECS, KUBERNETES, LAMBDA, MACHINES


def test_checkov(rendered: Callable[[Answers], Path], tmp_path: Path) -> None:
    seen: dict[bytes, str] = {}
    for answers in [*ECS, *KUBERNETES, *LAMBDA, *MACHINES]:
        for pattern in ("deploy/e[ck][rs]/*.yml", "deploy/lambda/*.yml", "deploy/compose/*.yml"):
            for path in rendered(answers).glob(pattern):
                seen.setdefault(path.read_bytes(), path.name)
    ours = {"registry.yml", "deployer.yml", "service.yml", "base.yml", "instance.yml", "function.yml"}
    assert ours <= set(seen.values())
    for number, (text, name) in enumerate(seen.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / name).write_bytes(text)
    compare("checkov-cloudformation", of_checkov("cloudformation", tmp_path))


def test_each_accepted_finding_has_its_reason() -> None:
    for checker in ("checkov-kubernetes", "checkov-cloudformation", "kube-score", "cdk-nag"):
        for check, places in accepted(checker).items():
            for place, reason in places.items():
                assert reason.endswith("."), f"{checker}, {check}, {place}: why?"

"""What Fargate does not have is refused at the question; what it has is AWS's own list."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.render import TEMPLATE, render

SIZES: dict[Any, list[int]] = TEMPLATE.table("fargate_sizes")


def test_the_sizes_are_those_of_aws() -> None:
    path = files("cfnlint") / "data/schemas/extensions/aws_ecs_taskdefinition/fargate_cpu_memory.json"
    rows = [row["properties"] for row in json.loads(path.read_text())["then"]["anyOf"]]
    known = {int(row["Cpu"]["then"]["enum"][0]): row["Memory"]["then"] for row in rows}
    assert SIZES.keys() == known.keys()
    for cpu, sizes in SIZES.items():
        if "enum" in known[cpu]:
            assert sizes == known[cpu]["enum"]
        else:
            least, most = known[cpu]["minimum"], known[cpu]["maximum"]
            assert sizes == list(range(least, most + 1, known[cpu]["multipleOf"]))


@pytest.mark.parametrize(("cpu", "memory"), [(256, 4096), (512, 512), (1024, 1024), (256, 600), (8192, 17408)])
def test_a_pair_that_fargate_does_not_have_is_refused(
    plain_template: Path, tmp_path: Path, cpu: int, memory: int
) -> None:
    destination = tmp_path / "orders"
    offered = ", ".join(map(str, SIZES[cpu]))
    with pytest.raises(ValueError, match=re.escape(f"with {cpu} CPU units, use one of {offered} MiB")) as error:
        render(plain_template, destination, orchestrator="ecs", fargate_cpu=cpu, fargate_memory=memory)
    assert len(str(error.value).splitlines()) == 1
    assert not destination.exists()


def test_a_processor_that_fargate_does_not_have_is_refused(plain_template: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="300 is not in"):
        render(plain_template, tmp_path / "orders", orchestrator="ecs", fargate_cpu=300)


@pytest.mark.parametrize("cpu", SIZES)
@pytest.mark.parametrize("language", ["go", "java"])
def test_the_default_memory_is_the_least_that_fits(
    plain_template: Path, tmp_path: Path, cpu: int, language: str
) -> None:
    project = render(plain_template, tmp_path / "orders", orchestrator="ecs", language=language, fargate_cpu=cpu)
    answers = yaml.safe_load((project / ".copier-answers.yml").read_text())
    limit = TEMPLATE.table("languages")[language]["memory"]["limit"]
    assert answers["fargate_memory"] == min(size for size in SIZES[cpu] if size >= limit)


def test_others_are_not_asked(plain_template: Path, tmp_path: Path) -> None:
    project = render(plain_template, tmp_path / "orders", orchestrator="compose")
    assert "fargate" not in (project / ".copier-answers.yml").read_text()
    assert not (project / "deploy/ecs").exists()

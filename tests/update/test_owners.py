"""What a rendered text calls the owner's, an update leaves alone."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.support.render import ORDERS, TEMPLATE, name_of, one_per
from tests.support.render.document import DEPLOY, blocks
from tests.support.render.owners import excluded, paths, skipped

# "`deploy/compose/compose.own.yaml`: it is yours", "`own/kustomization.yml` is yours", and a file of itself.
SENTENCE = re.compile(r"`([\w./*-]+)`(?: is|: it is|, which is) yours\b")
ITSELF = re.compile(r"\A(?:#!.*\n)?(?:#.*\n|\n)*# *(?:This file is yours|Yours)\b")


def claims(project: Path) -> Iterator[str]:
    """The paths that rendered texts call the owner's; a folder ends with a slash."""
    for name in paths(project):
        text = (project / name).read_text()
        yield from SENTENCE.findall(text)
        if ITSELF.search(text):
            yield name
    folders: list[str] = []
    for line in next(one for one in blocks((project / DEPLOY).read_text()) if one.heading == "Files").text.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        names, _, what = line.strip().partition("  ")
        folders[depth:] = [names.split(", ")[0]]
        if re.search(r"\byours\b", what):
            yield from ("".join([*folders[:depth], one]) for one in names.split(", "))


@pytest.mark.parametrize("answers", one_per("orchestrator") + one_per("language"), ids=name_of)
def test_what_is_called_yours_is_left_alone(rendered: Callable[[Answers], Path], answers: Answers) -> None:
    project = rendered(answers)
    claimed = set(claims(project))
    assert "scripts/integration.sh" in claimed
    assert any(name.startswith("deploy/") for name in claimed), "the settings of an environment"
    alone = {
        name
        for spec in (excluded(TEMPLATE, ORDERS | answers), skipped(TEMPLATE))
        for name in paths(project)
        if spec.match_file(name)
    }
    for claim in claimed:
        rendered_here = [name for name in paths(project) if re.match(pattern(claim), name)]
        assert [name for name in rendered_here if name not in alone] == [], f"{claim} is called yours"


@pytest.mark.parametrize("answers", one_per("orchestrator"), ids=name_of)
def test_settings_of_an_environment_are_called_yours(rendered: Callable[[Answers], Path], answers: Answers) -> None:
    project = rendered(answers)
    claimed = [pattern(claim) for claim in claims(project)]
    settings = [name for name in paths(project) if re.fullmatch(r"deploy/.+\.env", name)]
    assert len(settings) == 2
    assert [name for name in settings if not any(re.match(one, name) for one in claimed)] == []


def pattern(claim: str) -> str:
    return re.escape(claim).replace(r"\*", "[^/]*") + ("" if claim.endswith("/") else r"\Z")

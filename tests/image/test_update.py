"""A fix of ours reaches a service that was made long ago, whose owner has gone on: docs/decisions/0002."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from copier import run_update
from shipshape.template import Answers

from tests.image.conftest import LANGUAGES, label_of
from tests.support import engine
from tests.support.engine.container import running
from tests.support.expectations import expected
from tests.support.render import ORDERS, TEMPLATE, commit, git, released_copy, render

pytestmark = pytest.mark.engine

OWNERS = yaml.safe_load(Path(__file__).with_name("owners.yml").read_text())


def own(project: Path, owner: dict[str, Any]) -> set[str]:
    """Add a route, and a dependency that it uses, by the language's own command; gives what that changed."""
    commit(project, "Start from the template")
    for edit in owner["edits"]:
        path = project / edit["file"]
        text = path.read_text()
        assert text.count(edit["before"]) == 1, edit
        path.write_text(text.replace(edit["before"], edit["after"]))
    with engine.built(project, f"--target={owner['stage']}") as tools:
        engine.docker(
            "run", "--rm", "--network=host", f"--volume={project}:/project", "--workdir=/project", "--entrypoint=",
            tools, *owner["command"],
        )  # fmt: skip
    changed = {line[3:] for line in git(project, "status", "--porcelain").splitlines()}
    commit(project, "Say hello")
    return changed


def release_two(template: Path, language: str) -> None:
    """A fix in each file of the platform, and in the Dockerfile."""
    folder, *shared = (
        template / "template/project" / f"{{{{ only.{name} }}}}"
        for name in (language, *TEMPLATE.table("languages")[language]["shared"])
    )
    suffix: str = expected("language", language)["platform"]
    mark = "#" if suffix == ".py" else "//"
    sources = [
        path
        for part in (folder, *shared)
        for path in part.rglob(f"*{suffix}*")
        if "platform" in path.parts and not re.search("test", str(path.relative_to(part)), re.IGNORECASE)
    ]
    assert len(sources) > 5
    for path in sources:
        path.write_text(f"{mark} Mended in v2.\n\n{path.read_text()}")
    dockerfile = folder / "Dockerfile.jinja"
    dockerfile.write_text(dockerfile.read_text().replace("EXPOSE {{ port }}", "EXPOSE {{ port }}/tcp"))
    commit(template, "v2", tag="v2.0.0")


@pytest.mark.parametrize("answers", LANGUAGES, ids=label_of)
def test_a_fix_reaches_a_service_with_routes_of_its_own(answers: Answers, tmp_path: Path) -> None:
    language = answers["language"]
    template = released_copy(tmp_path / "template")
    project = render(template, tmp_path / "orders-api", **ORDERS, **answers)
    theirs = {name: (project / name).read_bytes() for name in own(project, OWNERS[language])}
    release_two(template, language)

    run_update(project, defaults=True, overwrite=True, quiet=True, unsafe=False)

    assert git(project, "ls-files", "--unmerged") == ""
    assert {name: (project / name).read_bytes() for name in theirs} == theirs
    mended = [
        path for path in project.rglob("*") if path.is_file() and "Mended in v2." in path.read_text(errors="ignore")
    ]
    assert len(mended) > 5
    assert all("platform" in path.parts for path in mended)
    row = TEMPLATE.table("languages")[language]
    assert f"EXPOSE {row['port']}/tcp" in (project / "Dockerfile").read_text()
    with engine.built(project) as image, running(image, memory=row["memory"]["limit"]) as container:
        container.wait_until_it_answers()
        answer = container.get("/hello")
        assert (answer.status, answer.json) == (200, {"hello": "1,234"}), answer.body

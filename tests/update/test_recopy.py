"""`copier recopy` makes a service anew from its answers, as Copier advises where an update fails.

What is the owner's stays.

https://github.com/copier-org/copier/issues/1082, https://github.com/copier-org/copier/issues/498
"""

from pathlib import Path

import pytest
from copier import run_recopy

from tests.support.render import ORDERS, TEMPLATE, commit, git, released_copy, render
from tests.support.render.owners import excluded, paths, skipped

MINE = b"# Mine.\n"
CASES = [{"language": language} for language in TEMPLATE.table("languages")]


@pytest.mark.parametrize("answers", CASES, ids=lambda answers: answers["language"])
def test_what_is_theirs_stays_and_what_is_ours_is_made_anew(tmp_path: Path, answers: dict[str, str]) -> None:
    template = released_copy(tmp_path / "template")
    project = render(template, tmp_path / "orders-api", **ORDERS, **answers)
    commit(project, "Start from the template")
    names = [name for name in paths(project) if not name.startswith(".git/")]
    for name in names:
        (project / name).write_bytes((project / name).read_bytes() + MINE)
    commit(project, "Make it ours")
    theirs = {
        name
        for name in names
        for lists in [excluded(TEMPLATE, ORDERS | answers), skipped(TEMPLATE)]
        if lists.match_file(name)
    }
    run_recopy(project, defaults=True, overwrite=True, quiet=True, unsafe=False)
    kept = {name for name in names if (project / name).read_bytes().endswith(MINE)}
    assert kept == theirs
    assert not git(project, "ls-files", "--deleted")


def test_what_of_theirs_is_missing_comes_back(tmp_path: Path) -> None:
    template = released_copy(tmp_path / "template")
    project = render(template, tmp_path / "orders-api", **ORDERS)
    for name in ("README.md", "src/orders_api/main.py", "docker-compose.yml"):
        (project / name).unlink()
    commit(project, "Lose some")
    run_recopy(project, defaults=True, overwrite=True, quiet=True, unsafe=False)
    assert {"README.md", "src/orders_api/main.py", "docker-compose.yml"} <= set(paths(project))

"""What the settings of an owner's machine do to a copy and an update."""

import shutil
from pathlib import Path

import pytest
from copier import run_update
from plumbum import local

from tests.support.paths import ROOT
from tests.support.render import ORDERS, commit, git, released_copy, render


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """With the attributes of this repository, as whoever clones it has them."""
    folder = tmp_path / "template"
    folder.mkdir()
    shutil.copy2(ROOT / ".gitattributes", folder)
    return released_copy(folder)


def with_carriage_returns(project: Path) -> set[str]:
    files = (path for path in project.rglob("*") if path.is_file() and ".git" not in path.relative_to(project).parts)
    return {str(path.relative_to(project)) for path in files if b"\r" in path.read_bytes()}


def test_no_carriage_return_gets_in_where_git_makes_them(template: Path, tmp_path: Path) -> None:
    """Git for Windows does so unasked, and a script then does not start.

    https://github.com/copier-org/copier/issues/308
    """
    settings = tmp_path / "git.config"
    settings.write_text("[user]\nname = Test\nemail = test@example.com\n[core]\nautocrlf = true\n")
    # Copier asks Git through plumbum, whose environment is its own.
    with local.env(GIT_CONFIG_GLOBAL=str(settings)):
        project = render(template, tmp_path / "orders", **ORDERS)
        assert with_carriage_returns(project) == set()

        (project / "docker-compose.yml").write_text((project / "docker-compose.yml").read_text() + "# Mine.\n")
        commit(project, "Start from the template, and make it ours")
        script = template / "template/project/{{ only.postgres }}/deploy/database/roles.sh"
        script.write_text(script.read_text().replace("\n", "\n# Of release two.\n", 1))
        commit(template, "v2", tag="v2.0.0")
        run_update(project, defaults=True, overwrite=True, quiet=True, unsafe=False)
    assert with_carriage_returns(project) == set()
    changed = sorted(line[3:] for line in git(project, "status", "--porcelain").splitlines())
    assert changed == [".copier-answers.yml", "deploy/database/roles.sh"]

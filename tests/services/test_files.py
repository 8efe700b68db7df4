"""Each service has files of its own; what a repository has once is the owner's."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from tests.services.repository import PAIRS, ROOT_FILES, add, answers_file, files, is_of
from tests.support.paths import PROJECT
from tests.support.render import commit, git, render

NAMES = ("orders", "payments")


def test_each_file_is_one_service_s_or_at_the_root(repository: Path) -> None:
    there = files(repository)
    assert {path for path in there if not any(is_of(name, path) for name in NAMES)} <= ROOT_FILES
    for name in NAMES:
        own = {path.removeprefix(f"services/{name}/") for path in there if is_of(name, path)}
        assert own >= {"Dockerfile", "Makefile", "README.md", "docker-compose.yml", "scripts/changes.sh", "LICENSE"}
        workflows = {"build", "ci", "deploy", "rollback", "scan", "weekly"}
        assert {path for path in own if path.startswith(".github/")} == {
            f".github/workflows/{name}-{workflow}.yml" for workflow in workflows
        }


def test_an_address_below_the_repository_is_one_of_its_files(repository: Path) -> None:
    """An alert's runbook above all: nobody looks for the page while it burns."""
    found = {
        link
        for path in repository.rglob("*.y*ml")
        for link in re.findall(r"https://github\.com/Octo-Org/Shop\.Front/blob/main/([^\s#]+)", path.read_text())
    }
    monitored = any(repository.glob("services/*/deploy/**/alerts.yml"))
    assert bool(found) == monitored
    for link in found:
        assert (repository / link).is_file(), link


def test_a_second_copy_changes_no_file_that_is_there(plain_template: Path, tmp_path: Path) -> None:
    first, second = PAIRS[1]
    add(plain_template, tmp_path, "orders", **first)
    for name in ROOT_FILES:
        if (tmp_path / name).exists():
            (tmp_path / name).write_text(f"{(tmp_path / name).read_text()}# Mine.\n")
    before = files(tmp_path)
    add(plain_template, tmp_path, "payments", **second)
    after = files(tmp_path)
    changed = {name for name in before if before[name] != after.get(name)}
    assert changed == {"compose.yaml"}, "the line that the message says"
    assert all(is_of("payments", name) for name in after.keys() - before.keys())


def test_a_service_with_the_repository_to_itself_may_get_neighbours(plain_template: Path, tmp_path: Path) -> None:
    """Its own files stay as they are."""
    render(plain_template, tmp_path, service_name="shop", registry="dockerhub")
    before = files(tmp_path)
    (tmp_path / "compose.yaml").write_text("include:\n")
    add(plain_template, tmp_path, "payments", **PAIRS[1][1])
    after = files(tmp_path)
    assert {name for name in before if before[name] != after[name]} == set()
    assert {name for name in after.keys() - before.keys() if not is_of("payments", name)} == {"compose.yaml"}


def test_what_is_not_named_is_where_the_service_is(plain_template: Path, tmp_path: Path) -> None:
    """A folder of the template that stands below another would repeat the path: `{{ given.NAME }}` is for it."""
    for path in PROJECT.rglob("*"):
        parts = path.relative_to(PROJECT).parts
        assert not any(part.startswith(("{{ only.", "{{ owned.", "{{ service_path")) for part in parts[1:]), path
    for number, pair in enumerate(PAIRS):
        alone = render(
            plain_template,
            tmp_path / f"alone-{number}",
            service_name="orders",
            repository="Octo-Org/Shop.Front",
            **pair[0],
        )
        add(plain_template, tmp_path / str(number), "orders", **pair[0])
        of_alone = {
            name for name in files(alone) if not name.startswith((".github/", ".copier")) and name != "renovate.json"
        }
        several = {
            name.removeprefix("services/orders/")
            for name in files(tmp_path / str(number))
            if name.startswith("services/")
        }
        assert several - of_alone == {"scripts/changes.sh", "scripts/built.sh"}
        assert of_alone - several == set()


@pytest.mark.parametrize(
    "path",
    [
        "..", "../orders", "/orders", "a b", "services//orders", "services/", "-a", ".github", ".github/orders",
        "a/../b", "Services", "a\nb", "",
    ],
)  # fmt: skip
def test_a_path_that_is_no_folder_of_the_repository_is_refused(plain_template: Path, tmp_path: Path, path: str) -> None:
    with pytest.raises(ValueError, match="use a dot, or a folder in lower-case letters"):
        add(plain_template, tmp_path / "shop", "orders", service_path=path)
    assert not (tmp_path / "shop").exists()


def test_one_of_several_needs_an_answers_file_of_its_own(plain_template: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"copier copy -a \.copier-answers\.orders\.yml"):
        render(plain_template, tmp_path / "shop", service_path="services/orders")


def test_who_has_one_service_is_not_asked_where_it_is(plain_template: Path, tmp_path: Path) -> None:
    """Copier knows of more by the answers file that is named."""
    project = render(plain_template, tmp_path / "shop", service_name="orders")
    assert "service_path" not in yaml.safe_load((project / ".copier-answers.yml").read_text())
    add(plain_template, tmp_path, "orders")
    assert yaml.safe_load((tmp_path / answers_file("orders")).read_text())["service_path"] == "services/orders"


def test_git_ignores_what_a_service_s_tools_leave(repository: Path, tmp_path: Path) -> None:
    """Its .gitignore is in its folder: secrets made there are not committed."""
    shutil.copytree(repository, tmp_path / "shop")
    commit(tmp_path / "shop", "Start from the template")
    for name in NAMES:
        for secret in (".env", ".secrets/database_password"):
            path = tmp_path / "shop/services" / name / secret
            path.parent.mkdir(exist_ok=True)
            path.write_text("secret")
    assert git(tmp_path / "shop", "status", "--porcelain") == ""

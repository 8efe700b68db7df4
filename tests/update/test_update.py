"""`copier update` brings the template's changes and keeps the owner's."""

from pathlib import Path

import pytest
import yaml
from copier import run_update

from tests.support.render import ORDERS, TEMPLATE, commit, git, released_copy, render


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    """A template of one's own: v1.0.0 is the working tree."""
    return released_copy(tmp_path / "template")


@pytest.fixture
def owned(releases: Path, tmp_path: Path) -> Path:
    """A service made from v1.0.0, committed by its owner."""
    project = render(releases, tmp_path / "orders-api", **ORDERS)
    commit(project, "Start from the template")
    return project


def update(project: Path, **answers: object) -> None:
    run_update(project, data=answers, defaults=True, overwrite=True, quiet=True, unsafe=False)
    assert git(project, "ls-files", "--unmerged") == ""
    assert not list(project.rglob("*.rej"))


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text, path
    path.write_text(text.replace(before, after, 1))


def changed(project: Path) -> list[str]:
    return sorted(line[3:] for line in git(project, "status", "--porcelain").splitlines())


def release_two(releases: Path) -> None:
    """v2.0.0 changes what is ours, and what was the owner's from the first commit."""
    folder = releases / "template/project"
    edit(folder / "{{ only.starter }}/docker-compose.yml.jinja", "shm_size: 128M", "shm_size: 192M")
    edit(folder / "{{ only.python }}/Dockerfile.jinja", "EXPOSE {{ port }}", "EXPOSE {{ port }}/tcp")
    source = folder / "{{ only.python }}/src/{{ package }}"
    edit(source / "main.py.jinja", "start here.", "begin here.")
    edit(source / "platform/health.py.jinja", '"ready"', '"fine"')
    edit(folder / "{{ only.starter }}/README.md.jinja", "## Settings", "## All settings")
    (folder / ".github/CODEOWNERS").write_text("* @owners\n")
    commit(releases, "v2", tag="v2.0.0")


def test_an_update_to_the_same_release_changes_nothing(owned: Path) -> None:
    update(owned)
    assert changed(owned) == []


def test_an_update_brings_ours_and_keeps_theirs(releases: Path, owned: Path) -> None:
    edit(owned / "docker-compose.yml", "    image: ghcr.io/", "    hostname: mine\n    image: ghcr.io/")
    edit(owned / "src/orders_api/main.py", "with its routes", "with our routes")
    edit(owned / "README.md", "# orders-api", "# Our orders")
    (owned / "src/orders_api/pricing.py").write_text("VAT = 19\n")
    (owned / "compose.override.yml").write_text("services: {}\n")
    commit(owned, "Our own work")
    before = {
        name: (owned / name).read_text()
        for name in ("src/orders_api/main.py", "README.md", "src/orders_api/pricing.py")
    }
    release_two(releases)

    update(owned)

    assert changed(owned) == [
        ".copier-answers.yml", ".github/CODEOWNERS", "Dockerfile", "docker-compose.yml",
        "src/orders_api/platform/health.py",
    ]  # fmt: skip
    stack = (owned / "docker-compose.yml").read_text()
    assert "hostname: mine" in stack
    assert "shm_size: 192M" in stack
    assert "EXPOSE 8000/tcp" in (owned / "Dockerfile").read_text()
    assert {name: (owned / name).read_text() for name in before} == before
    answers = yaml.safe_load((owned / ".copier-answers.yml").read_text())
    assert answers["_commit"] == "v2.0.0"
    assert {name: answers[name] for name in ORDERS} == ORDERS

    commit(owned, "Update the template")
    update(owned)
    assert changed(owned) == []


def test_a_file_of_theirs_that_they_deleted_stays_deleted(releases: Path, owned: Path) -> None:
    (owned / "src/orders_api/items/models.py").unlink()
    (owned / "CHANGELOG.md").unlink()
    commit(owned, "No database")
    release_two(releases)
    update(owned)
    assert not (owned / "src/orders_api/items/models.py").exists()
    assert not (owned / "CHANGELOG.md").exists()


def test_two_edits_of_one_line_are_shown_as_git_shows_them(releases: Path, owned: Path) -> None:
    edit(owned / "docker-compose.yml", "shm_size: 128M", "shm_size: 64M")
    commit(owned, "Less memory")
    release_two(releases)
    run_update(owned, defaults=True, overwrite=True, quiet=True)
    text = (owned / "docker-compose.yml").read_text()
    assert "<<<<<<<" in text
    assert "shm_size: 64M" in text
    assert "shm_size: 192M" in text
    assert "docker-compose.yml" in git(owned, "ls-files", "--unmerged")


def test_answers_can_be_changed(owned: Path) -> None:
    edit(owned / "docker-compose.yml", "    stop_grace_period", "    hostname: mine\n    stop_grace_period")
    commit(owned, "Our own work")
    update(owned, port=9000, language_version="3.13", image_namespace="elsewhere")
    assert "EXPOSE 9000" in (owned / "Dockerfile").read_text()
    assert "PORT = 9000" in (owned / "src/orders_api/platform/about.py").read_text(), (
        "the service itself must listen there"
    )
    assert "python:3.13" in (owned / "Dockerfile").read_text()
    stack = (owned / "docker-compose.yml").read_text()
    assert "${HOST_PORT:-9000}:9000" in stack
    assert "ghcr.io/elsewhere/orders-api:dev" in stack
    assert "hostname: mine" in stack
    assert yaml.safe_load((owned / ".copier-answers.yml").read_text())["port"] == 9000


def test_new_defaults_leave_an_existing_service_on_its_line(releases: Path, owned: Path) -> None:
    edit(releases / "template/tables/languages.yml", '["3.14", "3.13"]', '["3.13", "3.14"]')
    edit(releases / "template/tables/languages.yml", "port: 8000", "port: 8888")
    commit(releases, "new defaults", tag="v2.0.0")
    update(owned)
    assert changed(owned) == [".copier-answers.yml"]


@pytest.mark.parametrize("orchestrator", TEMPLATE.table("orchestrators"))
def test_an_update_leaves_each_deployment_as_it_is(releases: Path, tmp_path: Path, orchestrator: str) -> None:
    project = render(releases, tmp_path / "orders-api", **ORDERS, orchestrator=orchestrator)
    commit(project, "Start from the template")
    update(project)
    assert changed(project) == []


OWNED = {
    "compose": {"deploy/compose/staging.env.jinja", "deploy/compose/production.env.jinja"},
    "kubernetes": {
        "deploy/kubernetes/overlays/staging/config.env", "deploy/kubernetes/overlays/production/config.env",
        "deploy/kubernetes/own/kustomization.yml",
    },
    "ecs": {"deploy/ecs/config/staging.env", "deploy/ecs/config/production.env"},
    "lambda": {"deploy/lambda/config/staging.env", "deploy/lambda/config/production.env"},
}  # fmt: skip


@pytest.mark.parametrize("orchestrator", OWNED)
def test_settings_and_the_integration_test_are_the_owners(releases: Path, tmp_path: Path, orchestrator: str) -> None:
    project = render(releases, tmp_path / "orders-api", **ORDERS, orchestrator=orchestrator)
    folder = releases / "template/project"
    ours = [folder / f"{{{{ owned.{orchestrator} }}}}" / name for name in OWNED[orchestrator]]
    names = [name.removesuffix(".jinja") for name in OWNED[orchestrator]]
    for name in names:
        (project / name).write_text("# Mine.\n")
    (project / "scripts/integration.sh").unlink()
    commit(project, "Our own work")
    for path in [*ours, folder / "{{ only.starter }}/scripts/integration.sh"]:
        path.write_text(f"{path.read_text()}# The template's.\n")
    commit(releases, "v2", tag="v2.0.0")
    update(project)
    assert {(project / name).read_text() for name in names} == {"# Mine.\n"}
    assert (project / "scripts/integration.sh").read_text().endswith("# The template's.\n"), "what calls it needs it"

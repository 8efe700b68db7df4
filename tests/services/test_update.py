"""One service is brought forward alone: the other's files, the owner's edits and the root stay as they are."""

import io
from contextlib import redirect_stderr
from pathlib import Path

import pytest
import yaml
from copier import run_copy, run_recopy, run_update

from tests.services.repository import PAIRS, ROOT_FILES, add, answers_file, files, is_of, update
from tests.support.render import commit, git, released_copy

NAMES = ("orders", "payments")


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text, path
    path.write_text(text.replace(before, after, 1))


def changed(repository: Path) -> set[str]:
    return {line[3:] for line in git(repository, "status", "--porcelain", "--untracked-files=all").splitlines()}


@pytest.fixture
def template(tmp_path: Path) -> Path:
    return released_copy(tmp_path / "template")


@pytest.fixture
def repository(template: Path, tmp_path: Path) -> Path:
    """With a line of the owner's in each file that is theirs, and in some of ours."""
    folder = tmp_path / "shop"
    for name, answers in zip(NAMES, PAIRS[0], strict=True):
        add(template, folder, name, **answers)
        for path in ("README.md", "CHANGELOG.md", ".env.example", "scripts/integration.sh", "Makefile", "Dockerfile"):
            edit(folder / "services" / name / path, "\n", "\n# Mine.\n")
        edit(folder / f".github/workflows/{name}-ci.yml", "\n\n", "\n# Mine.\n\n")
    for name in ROOT_FILES:
        if (folder / name).exists():
            (folder / name).write_text((folder / name).read_text() + "# Mine.\n")
    commit(folder, "Start from the template, and make it ours")
    return folder


def release_two(template: Path) -> None:
    """Changes what is ours and what is theirs, at the root and in a service."""
    project = template / "template/project"
    service = project / "{{ service_path }}"
    starter = project / "{{ only.starter }}"
    edit(starter / "docker-compose.yml.jinja", "shm_size: 128M", "shm_size: 192M")
    edit(starter / "README.md.jinja", "## Settings", "## All settings")
    edit(service / "{{ scripts }}/lib.sh.jinja", "set -euo pipefail", "set -Eeuo pipefail")
    edit(project / "{{ only.python }}/Dockerfile.jinja", "EXPOSE {{ port }}", "EXPOSE {{ port }}/tcp")
    edit(project / "{{ only.python }}/src/{{ package }}/main.py.jinja", "start here.", "begin here.")
    edit(project / ".github/workflows/{{ prefix }}ci.yml.jinja", "timeout-minutes: 30 #", "timeout-minutes: 31 #")
    edit(project / ".github/actionlint.yaml.jinja", "What actionlint", "All that actionlint")
    edit(project / "{{ given.several }}/{{ given.starter }}/compose.yaml.jinja", "All services", "Each service")
    edit(project / "{{ given.several }}/{{ given.starter }}/Makefile", "All services", "Each service")
    edit(project / "{{ given.renovate }}/renovate.json.jinja", '"7 days"', '"8 days"')
    commit(template, "v2", tag="v2.0.0")


def test_an_update_to_the_same_release_changes_nothing(repository: Path) -> None:
    for name in NAMES:
        update(repository, name)
        assert changed(repository) == set()


def test_an_update_of_one_service_leaves_the_other_alone(template: Path, repository: Path) -> None:
    release_two(template)
    before = files(repository)
    update(repository, "orders")
    assert changed(repository) == {
        ".copier-answers.orders.yml", ".github/workflows/orders-ci.yml", "services/orders/Dockerfile",
        "services/orders/docker-compose.yml", "services/orders/scripts/lib.sh",
    }  # fmt: skip
    assert git(repository, "ls-files", "--unmerged") == ""
    after = files(repository)
    for name in before:
        assert (b"# Mine." in before[name]) == (b"# Mine." in after[name]), name
    commit(repository, "Update orders")
    update(repository, "payments")
    assert git(repository, "ls-files", "--unmerged") == ""
    assert changed(repository) == {
        ".copier-answers.payments.yml", ".github/workflows/payments-ci.yml",
        "services/payments/docker-compose.yml", "services/payments/scripts/lib.sh",
    }  # fmt: skip
    commit(repository, "Update payments")
    for name in NAMES:
        assert yaml.safe_load((repository / answers_file(name)).read_text())["_commit"] == "v2.0.0"


def test_what_an_owner_has_deleted_at_the_root_stays_away(template: Path, repository: Path) -> None:
    for name in ("Makefile", "renovate.json"):
        (repository / name).unlink()
    commit(repository, "Not for us")
    release_two(template)
    update(repository, "payments")
    assert not {"Makefile", "renovate.json"} & set(files(repository))


def test_what_ours_calls_is_made_anew_where_it_is_missing(template: Path, repository: Path) -> None:
    (repository / "services/orders/scripts/integration.sh").unlink()
    commit(repository, "Delete what a deployment calls")
    release_two(template)
    update(repository, "orders")
    assert (repository / "services/orders/scripts/integration.sh").exists()


def test_one_service_that_is_made_anew_keeps_what_is_theirs_and_the_root(repository: Path) -> None:
    run_recopy(repository, answers_file=answers_file("orders"), defaults=True, overwrite=True, quiet=True, unsafe=False)
    assert changed(repository) == {
        f".github/workflows/{NAMES[0]}-ci.yml", "services/orders/Dockerfile", "services/orders/Makefile",
    }  # fmt: skip


def test_a_changed_answer_reaches_its_own_service_alone(repository: Path) -> None:
    with redirect_stderr(io.StringIO()) as said:
        run_update(
            repository, data={"database": "none"}, answers_file=answers_file("orders"), defaults=True, overwrite=True,
            unsafe=False,
        )  # fmt: skip
    assert all(is_of("orders", name) for name in changed(repository))
    assert "services/orders/README.md" in said.getvalue()
    assert "services/payments" not in said.getvalue()


def test_another_language_begins_where_the_service_is(repository: Path) -> None:
    update(repository, "orders", language="go")
    there = changed(repository)
    assert all(is_of("orders", name) for name in there)
    assert {"services/orders/go.mod", "services/orders/cmd/orders/main.go"} <= there
    assert (repository / "services/orders/pyproject.toml").exists(), "the owner's"
    assert "# Mine." in (repository / "services/orders/README.md").read_text()


def test_a_service_that_git_has_moved_is_brought_forward_where_it_is(repository: Path) -> None:
    """What is edited in a file of ours is marked as a conflict, for Copier finds two new files; nothing is lost."""
    (repository / "apps").mkdir()
    git(repository, "mv", "services/orders", "apps/orders")
    commit(repository, "Move orders")
    before = files(repository)
    with redirect_stderr(io.StringIO()) as said:
        run_update(
            repository, data={"service_path": "apps/orders"}, answers_file=answers_file("orders"), defaults=True,
            overwrite=True, unsafe=False,
        )  # fmt: skip
    assert "- service_path: what compose.yaml says of it" in said.getvalue()
    after = files(repository)
    assert before.keys() == after.keys()
    assert all(b"# Mine." in after[name] for name in before if b"# Mine." in before[name])
    assert all(name.startswith((".", "apps/orders/")) for name in changed(repository))
    stale = {name for name in after if b"services/orders" in after[name] and b"<<<<<<<" not in after[name]}
    assert stale == {"compose.yaml"}


def test_the_messages_say_the_answers_file(template: Path, repository: Path, tmp_path: Path) -> None:
    with redirect_stderr(io.StringIO()) as said:
        run_copy(
            str(template), tmp_path / "fresh", data={"service_path": "services/orders"},
            answers_file=answers_file("orders"), defaults=True, unsafe=False,
        )  # fmt: skip
    assert "uvx copier update -a .copier-answers.orders.yml" in said.getvalue()
    assert "- path: services/orders/docker-compose.yml" in said.getvalue()
    with redirect_stderr(io.StringIO()) as said:
        run_update(repository, answers_file=answers_file("orders"), defaults=True, overwrite=True, unsafe=False)
    assert (
        "uvx copier copy --defaults --data-file .copier-answers.orders.yml -a .copier-answers.orders.yml"
        in said.getvalue()
    )
    for name in NAMES:
        for path in (repository / "services" / name).rglob("*"):
            if path.is_file() and path.suffix in (".md", ".sh", ".yml", ".json"):
                for line in path.read_text().splitlines():
                    assert "uvx copier update" not in line or f"uvx copier update -a {answers_file(name)}" in line, path

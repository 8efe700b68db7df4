"""Whoever made a service from a release gets to the working tree, with every edit of theirs.

`releases.yml` names the releases; the mechanism is tried on a small history of a made-up template.
"""

import shutil
from itertools import cycle
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.render import ORDERS, TEMPLATE, commit, git, name_of
from tests.support.render.owners import taken
from tests.support.render.releases import Outcome, Release, history, read, unpack, update_from

# What to do with a file that is to be the owner's from now on: docs/development.md, "Who owns a file".
INSTEAD = "an update would delete these: put them into _skip_if_exists of copier.yml, and not into `theirs`"
SERVICES = [ORDERS | {"language": language} for language in TEMPLATE.table("languages")]
# Each language and each orchestrator at least once; ECR is the registry that all of these take images from.
UPDATED = [
    ORDERS | {"language": language, "orchestrator": orchestrator, "registry": "ecr"}
    for language, orchestrator in zip(TEMPLATE.table("languages"), cycle(TEMPLATE.table("orchestrators")), strict=False)
]
RELEASES = read(ROOT / "tests/update/releases.yml")


def test_each_release_updates_to_the_working_tree(plain_template: Path, tmp_path: Path) -> None:
    for release in RELEASES:
        came = Outcome(set(), set())
        template = history(release, ROOT, plain_template, tmp_path / release.version)
        for answers in UPDATED:
            outcome = update_from(release, template, tmp_path / f"{release.version}-{name_of(answers)}", **answers)
            came = Outcome(came.conflicts | outcome.conflicts, came.lost | outcome.lost)
        check(release, came)


def test_what_was_ours_in_a_release_is_not_theirs_today(plain_template: Path, tmp_path: Path) -> None:
    for release in RELEASES:
        checkout = tmp_path / release.version
        checkout.mkdir()
        unpack(ROOT, release.commit, checkout)
        assert taken(checkout, plain_template, SERVICES, checkout / "services") == set(), INSTEAD


def test_a_file_of_ours_that_becomes_theirs_is_named(plain_template: Path, tmp_path: Path) -> None:
    """A made-up release of today, and lists that have grown since: in a row, and for everyone."""
    today = Path(shutil.copytree(plain_template, tmp_path / "today"))
    for table, before, after in [
        ("everyone", "theirs: [", "theirs: [/Makefile, "),
        ("languages", '"!/internal/platform", ', ""),
        ("languages", "/jvm.flags]", "/jvm.flags, /scripts]"),
    ]:
        path = today / f"template/tables/{table}.yml"
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after))
    names = taken(plain_template, today, [*SERVICES[:1], *SERVICES[2:]], tmp_path)
    assert {"Makefile", "internal/platform/server.go", "scripts/lib.sh"} <= names
    assert {name.split("/")[0] for name in names} == {"Makefile", "internal", "scripts"}


def check(release: Release, outcome: Outcome) -> None:
    assert outcome.conflicts == release.conflicts.keys(), "what conflicts is not what releases.yml says"
    assert not outcome.lost, "an update took an owner's lines"


def test_the_newest_version_has_its_entry() -> None:
    """A tag of this repository without an entry is a release that nobody has tried to come from."""
    tags = {tag.removeprefix("v") for tag in git(ROOT, "tag", "--list", "v*.*.*").splitlines()}
    assert tags <= {release.version for release in RELEASES}


# A made-up template: `ours` changes in the middle, `stack` at its end, `new` comes, and `readme` is the owner's.
SETTINGS = """
_subdirectory: template
_exclude: ["{% if _copier_operation == 'update' %}readme{% endif %}"]
name: {type: str, default: orders}
"""


def write(repository: Path, **files: str) -> None:
    (repository / "template").mkdir(exist_ok=True)
    (repository / "copier.yml").write_text(SETTINGS)
    (repository / "template/{{ _copier_conf.answers_file }}.jinja").write_text("{{ _copier_answers | to_nice_yaml }}")
    for name, text in files.items():
        (repository / "template" / f"{name}.jinja").write_text(text)


LINES = [f"line {number} of {{{{ name }}}}" for number in range(12)]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Its only commit is the release; its working tree is what comes next."""
    folder = tmp_path / "repository"
    folder.mkdir()
    write(folder, ours="\n".join([*LINES, ""]), stack="port: 80\n", readme="Yours\n")
    commit(folder, "1.0.0")
    write(folder, ours="\n".join(["first", *LINES, ""]), stack="port: 8080\n", readme="Ours after all\n", new="new\n")
    return folder


@pytest.fixture
def tree(repository: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(repository, tmp_path / "tree", ignore=shutil.ignore_patterns(".git")))


def release_of(repository: Path, **conflicts: str) -> Release:
    return Release("1.0.0", git(repository, "rev-parse", "HEAD").strip(), conflicts)


def updated(release: Release, repository: Path, tree: Path, scratch: Path) -> Outcome:
    """Of a service with an answer that has a parameter's name, as the template's own have."""
    template = history(release, repository, tree, scratch / "template")
    return update_from(release, template, scratch / "service", name="orders", repository="octo-org/orders")


def test_an_update_keeps_an_edit_in_every_file_and_says_what_conflicts(
    repository: Path, tree: Path, tmp_path: Path
) -> None:
    release = release_of(repository, stack="its port is another one")
    outcome = updated(release, repository, tree, tmp_path)
    assert outcome == Outcome(conflicts={"stack"}, lost=set())
    check(release, outcome)
    project = tmp_path / "service"
    assert (project / "ours").read_text().startswith("first\nline 0 of orders\n")
    assert (project / "readme").read_text() == "Yours\n# the owner's own line\n"
    assert (project / "new").exists()


@pytest.mark.parametrize("conflicts", [{}, {"stack": "meant", "ours": "no longer"}], ids=["missing", "stale"])
def test_the_list_of_conflicts_is_neither_short_nor_long(
    repository: Path, tree: Path, tmp_path: Path, conflicts: dict[str, str]
) -> None:
    release = release_of(repository, **conflicts)
    outcome = updated(release, repository, tree, tmp_path)
    with pytest.raises(AssertionError, match=r"releases\.yml"):
        check(release, outcome)


def test_a_file_that_a_release_drops_is_noticed(repository: Path, tree: Path, tmp_path: Path) -> None:
    (tree / "template/ours.jinja").unlink()
    outcome = updated(release_of(repository), repository, tree, tmp_path)
    assert "ours" in outcome.lost


def test_a_shallow_clone_fetches_the_release(repository: Path, tree: Path, tmp_path: Path) -> None:
    """As most CI services check a repository out."""
    release = release_of(repository)
    commit(repository, "what comes next")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{repository}", str(clone))
    outcome = updated(release, clone, tree, tmp_path)
    assert outcome.lost == set()


def test_a_commit_that_is_not_there_is_said(repository: Path, tree: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="is not in this clone"):
        updated(Release("1.0.0", "0" * 40, {}), repository, tree, tmp_path)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{version: v1.0.0, commit: abc}", "is no version"),
        ("{version: 1.0.0, commit: abc}", "40 digits"),
        (f"{{version: 1.0.0, commit: {'a' * 40}, conflicts: {{Dockerfile: }}}}", "without a reason"),
    ],
)
def test_an_entry_that_says_too_little_is_refused(tmp_path: Path, entry: str, message: str) -> None:
    (tmp_path / "releases.yml").write_text(f"releases:\n  - {entry}\n")
    with pytest.raises(AssertionError, match=message):
        read(tmp_path / "releases.yml")

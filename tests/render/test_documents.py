"""README.md (the owner's) and deploy/README.md (ours): their form, and that what they name is there."""

import re
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest
from shipshape.template import Answers

from tests.support.paths import ROOT
from tests.support.render import COMBINATIONS, TEMPLATE, name_of
from tests.support.render.answers import KUBERNETES, LAMBDA, MACHINES, RDS
from tests.support.render.document import DEPLOY, anchors, blocks, sections

OUTLINE = ["Files", "Set up", "Deploy", "Roll back", "Settings", "Alerts", "Recovery"]
PAGES = ("README.md", DEPLOY)
LINK = re.compile(r"\]\(([^)\s]+)\)")

# Which test runs the shell blocks of deploy/README.md, by the orchestrator and the heading that they stand under; …
RUN_BY = {
    ("compose", "Hosts"): "tests/host/machine.py",
    ("compose", "Deploy"): "tests/host/test_machine.py",
    ("compose", "Roll back"): "tests/host/test_machine.py",
    ("compose", "Recovery"): "tests/host/test_machine.py",
    ("compose", "Copies elsewhere"): "tests/host/test_offsite.py",
    ("compose", "Another PostgreSQL"): "tests/host/test_release.py",
    ("compose", "Lost passwords"): "tests/host/test_release.py",
    ("compose", "Settings"): "tests/host/test_machine.py",
    ("compose", "Alerts"): "tests/host/test_disk.py",
    ("compose", "A disk that fills"): "tests/host/test_disk.py",
    ("compose", "Machine"): "tests/ecs/test_machine.py",
    ("compose", "Another machine"): "tests/ecs/test_machine.py",
    ("compose", "Taking it down"): "tests/ecs/test_machine.py",
    ("kubernetes", "Cluster"): "tests/support/cluster/__init__.py",
    ("kubernetes", "Secrets"): "tests/support/cluster/__init__.py",
    ("kubernetes", "Deploy"): "tests/support/cluster/__init__.py",
    ("kubernetes", "Migrations"): "tests/cluster/test_migrations.py",
    ("kubernetes", "Roll back"): "tests/cluster/test_failure.py",
    ("kubernetes", "Settings"): "tests/cluster/test_operations.py",
    ("kubernetes", "Backups"): "tests/cluster/test_backup.py",
    ("kubernetes", "Database"): "tests/cluster/test_database.py",
    ("kubernetes", "Restore"): "tests/cluster/test_backup.py",  # and, of one in the cluster, test_database.py
    ("kubernetes", "Removal"): "tests/cluster/test_admission.py",
    ("lambda", "AWS"): "tests/ecs/test_function.py",
    ("lambda", "Deploy"): "tests/ecs/test_function.py",
    ("lambda", "Roll back"): "tests/ecs/test_function.py",
    ("lambda", "Rotate the passwords"): "tests/ecs/test_function.py",
    ("ecs", "AWS"): "tests/ecs/test_scripts.py",
    ("ecs", "Deploy"): "tests/ecs/test_scripts.py",
    ("ecs", "Roll back"): "tests/ecs/test_scripts.py",
    ("ecs", "Rotate the passwords"): "tests/ecs/test_scripts.py",
    ("ecs", "The database"): "tests/ecs/test_database.py",
    ("ecs", "Removal"): "tests/ecs/test_removal.py",
    ("lambda", "Removal"): "tests/ecs/test_removal.py",
}
# … and what none runs, by a part of it, and why.
NOT_RUN = {
    "kubernetes/right-size.sh": "needs a day of Prometheus; tests/kubernetes/test_right_size.py runs the script",
    "ecs/right-size.sh": "needs a day of CloudWatch; tests/ecs/test_right_size.py runs the script",
    "deploy/gar/setup.sh": "needs Google; tests/registries/test_set_up.py runs it against stand-ins",
    "deploy/acr/setup.sh": "needs Azure; tests/registries/test_set_up.py runs it against stand-ins",
    "gh api": "needs GitHub",
    "gh variable set DEPLOY --body true": "needs GitHub",
    "scripts/verify.sh": "needs an image that GitHub's identity has signed; tests/pipeline runs the script",
    "deploy/database/roles.sh": "needs psql and a server; tests/host and tests/cluster run the script",
    "--template-file deploy/ecr/registry.yml": "needs AWS; tests/contract/test_ecr.py reads the template",
    "aws ecr update-image-storage-class": "needs AWS, whose archive moto does not have; docs/unproven.md",
    "--template-file deploy/eks/deployer.yml": "needs EKS; tests/kubernetes/test_deployer.py reads the template",
}


BLUE_GREEN: list[Answers] = [
    {"language": "python", "registry": registry, "orchestrator": "ecs", "deployment_strategy": "blue-green"}
    for registry in TEMPLATE.table("registries")
]


@pytest.fixture(params=COMBINATIONS + KUBERNETES + BLUE_GREEN + MACHINES + RDS + LAMBDA, ids=name_of)
def answers(request: pytest.FixtureRequest) -> Answers:
    given: Answers = request.param
    return given


@pytest.fixture
def project(answers: Answers, rendered: Callable[[Answers], Path]) -> Path:
    return rendered(answers)


def test_the_readme_is_short(project: Path) -> None:
    assert len((project / "README.md").read_text().splitlines()) <= 66


def test_the_readme_names_no_choice_that_may_change(project: Path, answers: Answers) -> None:
    """An update leaves it alone: what it says of a registry or an orchestrator would be wrong after another answer."""
    text = (project / "README.md").read_text().lower()
    words = ("ghcr", "docker hub", "ecr", "kubernetes", "fargate", "renovate", "dependabot", "rolling", "blue-green")
    assert [word for word in words if re.search(rf"\b{word}\b", text)] == []


def test_the_outline_is_the_same_for_every_orchestrator(project: Path) -> None:
    found = sections((project / DEPLOY).read_text())
    assert list(found) == OUTLINE
    assert all(found.values()), "a section is empty"


def test_no_heading_stands_above_nothing(project: Path) -> None:
    for name in PAGES:
        assert not re.search(r"^(#+) .+\n+(?=\1 |#{1,2} |\Z)", (project / name).read_text(), re.MULTILINE), name


def test_no_heading_is_there_twice(project: Path) -> None:
    for name in PAGES:
        headings = re.findall(
            r"^#+ (.+)$", re.sub(r"```.*?```", "", (project / name).read_text(), flags=re.DOTALL), re.M
        )
        assert sorted(set(headings)) == sorted(headings), name


def tree(page: str) -> Iterator[tuple[str, bool]]:
    """The paths in the tree of deploy/, which may be patterns, and whether each has entries of its own."""
    block = next(one for one in blocks(page) if one.heading == "Files")
    folders: list[str] = []
    for line in block.text.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        names = re.split(r"\s{2,}", line.strip())[0].split(", ")
        for name in names:
            folders[depth:] = [name]
            yield "".join(folders), name.endswith("/")


def test_the_tree_of_deploy_is_true(project: Path) -> None:
    named = dict(tree((project / DEPLOY).read_text()))
    files = {str(path.relative_to(project)) for path in (project / "deploy").rglob("*") if path.is_file()}
    for name in named:
        assert any(fnmatch(path, f"{name}*" if name.endswith("/") else name) for path in files), f"there is no {name}"
    for path in files:
        covering = [name for name in named if fnmatch(path, f"{name}*" if name.endswith("/") else name)]
        # that it is somewhere below deploy/ or deploy/kubernetes/ says nothing about it
        assert any(name.count("/") > 2 or not others(name, named) for name in covering), f"{path} is not named"


def others(name: str, named: Iterable[str]) -> list[str]:
    return [other for other in named if other != name and other.startswith(name)]


def test_what_is_set_up_at_aws_is_named_where_it_is_removed(project: Path, answers: Answers) -> None:
    if answers["orchestrator"] != "kubernetes":
        return  # tests/ecs/test_removal.py removes theirs
    page = (project / DEPLOY).read_text()
    stacks = re.findall(r"aws cloudformation deploy .*--stack-name (\S+)", page)
    _, _, removal = page.partition("### Removal\n")
    for stack in stacks:
        assert re.search(rf"delete-stack .*--stack-name {stack}\b", removal), f"{stack} stays, and nobody says so"


PROGRAMS = {  # the kind of an object that the answers may make, and who must run in the cluster before
    "ImageValidatingPolicy": "Kyverno",
    "ClusterImagePolicy": "policy-controller",
    "ExternalSecret": "External Secrets with the ClusterSecretStore `",
    "PrometheusRule": "the Prometheus Operator",
    "ScheduledBackup": "CloudNativePG with its Barman Cloud plugin",
}


def test_what_must_run_in_the_cluster_is_named_before_anything_is_applied(project: Path, answers: Answers) -> None:
    if answers["orchestrator"] != "kubernetes":
        return
    _, _, after = (project / DEPLOY).read_text().partition("### Cluster\n")
    before, _, _ = after.partition("```sh\nkubectl apply")
    kinds = {
        kind
        for path in (project / "deploy").rglob("*.yml")
        for kind in re.findall(r"^kind: (\w+)$", path.read_text(), re.MULTILINE)
    }
    for kind, program in PROGRAMS.items():
        assert (program in before) == (kind in kinds), program


def test_links_and_files_lead_somewhere(project: Path) -> None:
    for name in PAGES:
        page = project / name
        for target in LINK.findall(page.read_text()):
            if target.startswith("#"):
                assert target[1:] in anchors(page.read_text()), f"{name}: {target}"
            elif not target.startswith("https://"):
                assert (page.parent / target).exists(), f"{name}: {target}"


def test_scripts_and_files_that_are_named_are_there(project: Path) -> None:
    for name in PAGES:
        for path in re.findall(r"(?<![\w/])(?:deploy|scripts)/[\w./-]+\w", (project / name).read_text()):
            owners = path.endswith("compose.own.yaml") or path.startswith("deploy/kubernetes/own/")
            assert (project / path).exists() or owners, f"{name}: {path}"


def test_the_messages_that_are_explained_are_the_scripts_own(project: Path) -> None:
    _, _, table = sections((project / DEPLOY).read_text())["Deploy"].partition("| message | what to do |\n")
    said = "\n".join(path.read_text() for path in (project / "deploy").rglob("*.sh"))
    for messages in re.findall(r"^\| ([^(-].*?) \|", table, re.MULTILINE):
        for message in messages.split(", "):
            assert message in said, f"no script says: {message}"


def test_each_command_is_run_by_a_test_or_has_its_reason(project: Path, answers: Answers) -> None:
    for block in blocks((project / DEPLOY).read_text()):
        if block.language == "sh" and not any(part in block.text for part in NOT_RUN):
            place = (answers["orchestrator"], block.heading)
            assert place in RUN_BY, f"no test runs what stands under {block.heading}:\n{block.text}"


@pytest.mark.parametrize(
    ("place", "path"), RUN_BY.items(), ids=lambda value: "-".join(value) if len(value) == 2 else ""
)
def test_the_test_that_runs_a_command_reads_it_from_the_page(place: tuple[str, str], path: str) -> None:
    assert f'"{place[1]}"' in (ROOT / path).read_text()

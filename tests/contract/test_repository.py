"""The answer `repository` is what GitHub calls it, and the one name by which scripts, policies and labels know it."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from copier import run_update
from shipshape.template import Answers

from tests.support.render import ORDERS, PIPELINES, commit, git, name_of, plain_copy, render

REPOSITORY = ORDERS["repository"]
KUBERNETES = {"language": "python", "orchestrator": "kubernetes", "kubernetes_verification": "kyverno"}


@pytest.fixture
def checked(rendered: Callable[[Answers], Path]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the pipeline's first step in a repository of this name."""
    script = rendered({"language": "python"}) / "scripts/check-repository.sh"

    def run(**environment: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if name != "GITHUB_REPOSITORY"}
        return subprocess.run([script], env=clean | environment, capture_output=True, text=True, check=False)

    return run


def test_the_pipeline_runs_in_the_repository_of_the_answers(
    checked: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    result = checked(GITHUB_REPOSITORY=REPOSITORY)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


# Signatures and trust policies tell capitals apart; GitHub's addresses do not, so nobody else would notice.
@pytest.mark.parametrize("name", [REPOSITORY.lower(), "Octo-Org/orders-api", "stranger/Orders.Shop", f"{REPOSITORY}2"])
def test_the_pipeline_of_another_repository_says_what_to_change(
    checked: Callable[..., subprocess.CompletedProcess[str]], name: str
) -> None:
    result = checked(GITHUB_REPOSITORY=name)
    assert result.returncode == 1
    assert f"this is {name}, and the answer `repository` is {REPOSITORY}" in result.stderr
    assert f"uvx copier update --data repository={name}" in result.stderr


def test_the_check_outside_of_github_says_what_it_needs(
    checked: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    result = checked()
    assert result.returncode != 0
    assert "the name of this repository, OWNER/NAME" in result.stderr


def test_what_the_check_says_mends_it(plain_template: Path, tmp_path: Path) -> None:
    template = plain_copy(tmp_path / "template")
    commit(template, "v1", tag="v1.0.0")
    project = render(template, tmp_path / "orders", **ORDERS)
    commit(project, "Start from the template")
    command = [project / "scripts/check-repository.sh"]
    result = subprocess.run(
        command, env=os.environ | {"GITHUB_REPOSITORY": "octo/Shop"}, capture_output=True, text=True, check=False
    )
    said = re.search(r"^  uvx (copier update .*)$", result.stderr, re.MULTILINE)
    assert said
    subprocess.run([*said[1].split(), "--defaults", "--quiet"], cwd=project, check=True)
    assert git(project, "ls-files", "--unmerged") == ""
    subprocess.run(command, env=os.environ | {"GITHUB_REPOSITORY": "octo/Shop"}, check=True)


# https://github.com/OCA/maintainer-tools/issues/645 and https://github.com/lbedner/aegis-stack/issues/1016
@pytest.mark.parametrize("kind", ["inline", "rej"])
def test_conflicts_of_an_update_that_were_committed_stop_the_pipeline(tmp_path: Path, kind: Any) -> None:
    """In a file that nothing reads before a deployment."""
    template = plain_copy(tmp_path / "template")
    commit(template, "v1", tag="v1.0.0")
    project = render(template, tmp_path / "orders", **ORDERS)
    mine, ours = (
        project / "deploy/compose/Caddyfile",
        template / "template/project/{{ only.compose }}/deploy/compose/Caddyfile.jinja",
    )
    for path in (mine, ours):
        path.write_text(f"# {path.name}\n{path.read_text()}")
    (project / "patch.rej").write_text("<<<<<<< HEAD\nthe owner's own\n")
    commit(project, "Make it ours")
    commit(template, "v2", tag="v2.0.0")

    def checked() -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"GITHUB_REPOSITORY": REPOSITORY}
        command = [project / "scripts/check-repository.sh"]
        return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)

    assert checked().returncode == 0
    run_update(project, defaults=True, overwrite=True, quiet=True, unsafe=False, conflict=kind)
    commit(project, "Update the template")
    result = checked()
    assert result.returncode == 1
    assert "check-repository: an update of the template left conflicts" in result.stderr
    assert "deploy/compose/Caddyfile" in result.stderr


def test_it_is_the_first_step_after_the_checkout(rendered: Callable[[Answers], Path]) -> None:
    folder = rendered({"language": "python"}) / ".github/workflows"
    for file, name in (("build.yml", "image"), ("ci.yml", "release")):
        workflow: Any = yaml.safe_load((folder / file).read_text())
        steps = workflow["jobs"][name]["steps"]
        assert steps[0]["uses"].startswith("actions/checkout@")
        assert steps[1] == {"run": "scripts/check-repository.sh"}, name


def test_the_signer_is_the_same_wherever_one_is_demanded(rendered: Callable[[Answers], Path]) -> None:
    kyverno = rendered(KUBERNETES)
    controller = rendered(KUBERNETES | {"kubernetes_verification": "policy-controller"})
    files = [
        kyverno / "scripts/lib.sh",
        *(project / "deploy/policy/signatures.yml" for project in (kyverno, controller)),
    ]
    found = [re.findall(r"https://github[.]com/\S+@refs/\S+", path.read_text()) for path in files]
    assert {identity for identities in found for identity in identities} == {found[0][0]}
    assert all(found), "a file demands no signer"
    repository, _, workflow = found[0][0].removeprefix("https://github.com/").partition("/.github/workflows/")
    assert repository == REPOSITORY
    name, _, reference = workflow.partition("@")
    assert (kyverno / ".github/workflows" / name).exists(), "no such workflow signs"
    assert reference == "refs/heads/main"


@pytest.mark.parametrize("answers", PIPELINES, ids=name_of)
def test_a_subject_by_name_stands_beside_the_one_by_id(rendered: Callable[[Answers], Path], answers: Answers) -> None:
    """Repositories made since July 2026 send the one, those from before the other; see tests/support/aws."""
    owner, name = map(re.escape, REPOSITORY.split("/"))
    for path in filter(Path.is_file, rendered(answers).rglob("*")):
        text = path.read_text()
        by_name = re.findall(rf"repo:{owner}/{name}:([\w:/${{}}*.-]+)", text)
        by_id = re.findall(rf"repo:{owner}@\S+?/{name}@[^\s:]+:([\w:/${{}}*.-]+)", text)
        assert sorted(by_name) == sorted(by_id), path


def test_an_old_answer_for_the_owner_is_still_understood(plain_template: Path, tmp_path: Path) -> None:
    project = render(plain_template, tmp_path / "orders", service_name="orders-api", github_owner="Octo-Org")
    answers = yaml.safe_load((project / ".copier-answers.yml").read_text())
    assert answers["repository"] == "Octo-Org/orders-api"
    assert answers["image_namespace"] == "octo-org"
    assert "github_owner" not in answers


def test_an_old_answers_file_is_still_understood(plain_template: Path, tmp_path: Path) -> None:
    """The template as it was, which asked for the owner, then this one."""
    template = plain_copy(tmp_path / "template")
    questions = template / "template/questions/service.yml"
    now = questions.read_text()
    before = now.replace("repository:", "github_owner:", 1)
    before = re.sub(r"(?s)(\ngithub_owner:\n.*?  default: ).*", r"\1acme\n", before)
    before += '\nrepository:\n  type: str\n  when: false\n  default: "{{ github_owner }}/{{ service_name }}"\n'
    questions.write_text(before)
    commit(template, "v1", tag="v1.0.0")
    project = render(template, tmp_path / "orders", service_name="orders-api", github_owner="Octo-Org")
    commit(project, "Start from the template")
    assert yaml.safe_load((project / ".copier-answers.yml").read_text())["github_owner"] == "Octo-Org"
    questions.write_text(now)
    commit(template, "v2", tag="v2.0.0")

    subprocess.run(["copier", "update", "--defaults", "--quiet"], cwd=project, check=True)

    changed = sorted(line[3:] for line in git(project, "status", "--porcelain").splitlines())
    assert changed == [".copier-answers.yml"]
    answers = yaml.safe_load((project / ".copier-answers.yml").read_text())
    assert answers["repository"] == "Octo-Org/orders-api"
    assert "github_owner" not in answers

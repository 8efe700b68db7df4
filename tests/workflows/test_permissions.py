"""What each job may do, and for how long."""

import re
from pathlib import Path

import yaml
from shipshape.template import Answers

from tests.workflows.workflow import jobs_of, workflows

READ = {"contents": "read"}
PACKAGES, OIDC = {"packages": "write"}, {"id-token": "write"}
# What each job of the pipeline may do, and the registries whose own login asks for more.
PERMISSIONS = {
    "dependencies": ({}, READ),
    "image": ({}, READ),
    "scan": ({}, READ | {"actions": "read", "security-events": "write"}),
    "publish": ({"ghcr": PACKAGES}, READ | OIDC),
    "deploy": ({}, {"actions": "write"}),
    "release": ({"ghcr": PACKAGES, "dockerhub": OIDC, "ecr": OIDC}, READ),
    "report": ({}, {"issues": "write"}),
}
# What reads an image from each registry, and what deploys with each orchestrator.
PULL: dict[str, dict[str, str]] = {"ghcr": {"packages": "read"}, "dockerhub": OIDC, "ecr": OIDC, "private": {}}
DEPLOY: dict[str, dict[str, str]] = {"compose": {}, "kubernetes": {}, "ecs": OIDC}


def test_a_workflow_has_no_permissions_but_those_of_its_jobs(project: Path) -> None:
    for name, workflow in workflows(project).items():
        assert workflow["permissions"] == {}, name
        for job, says in workflow["jobs"].items():
            assert says["permissions"], f"{name}: {job}"


def test_each_permission_stands_once_and_says_why(project: Path) -> None:
    for path in sorted(project.glob(".github/workflows/*.yml")):
        for block in re.findall(r"^    permissions:\n((?:      .+\n)+)", path.read_text(), re.MULTILINE):
            names = [line.split(":")[0].strip() for line in block.splitlines()]
            assert len(names) == len(set(names)), (
                f"{path.name}: GitHub refuses a permission that is there twice: {names}"
            )
            for line in block.splitlines():
                assert " # " in line or line.strip() == "contents: read", f"{path.name}: no reason: {line}"


def test_every_job_has_a_timeout(project: Path) -> None:
    for name, workflow in workflows(project).items():
        for job, says in workflow["jobs"].items():
            assert says["timeout-minutes"] <= 30, f"{name}: {job}"


def test_every_workflow_has_a_concurrency_group(project: Path) -> None:
    for name, workflow in workflows(project).items():
        assert workflow["concurrency"]["group"], name


def test_each_job_may_do_what_the_table_says(combination: Answers, project: Path) -> None:
    wanted = {name: own | more.get(combination["registry"], {}) for name, (more, own) in PERMISSIONS.items()}
    assert {name: job["permissions"] for name, job in jobs_of(project, "ci").items()} == wanted


def test_each_deploying_job_may_read_the_image_and_take_its_role(combination: Answers, project: Path) -> None:
    wanted = READ | PULL[combination["registry"]] | DEPLOY[combination["orchestrator"]]
    deploying = jobs_of(project, "deploy") | jobs_of(project, "rollback")
    assert deploying.keys() == {"staging", "production", "rollback"}
    for name, job in deploying.items():
        assert job["permissions"] == wanted, name


def test_scanners_are_kept_from_credentials(project: Path) -> None:
    """No job that runs what reads foreign data holds a token that pushes or signs, and no secret reaches it."""
    jobs = jobs_of(project, "ci")
    for name in ("dependencies", "image", "scan"):
        text = yaml.safe_dump(jobs[name])
        assert not {"id-token", "packages"} & set(jobs[name]["permissions"]), name
        assert "secrets." not in text, name
        assert "login" not in text, name


def test_a_pull_request_pushes_nothing(project: Path) -> None:
    workflow = workflows(project)["ci"]
    assert "pull_request_target" not in workflow[True]  # YAML 1.1 reads the key `on` as true
    for name, job in workflow["jobs"].items():
        if set(job["permissions"]) & {"packages", "id-token"}:
            assert job["if"].startswith("github.event_name == 'push' && "), name

"""What each job may do, and for how long."""

import re
from collections.abc import Callable
from pathlib import Path

import yaml
from shipshape.template import Answers

from tests.support.expectations import expected, rows
from tests.support.render import TEMPLATE
from tests.workflows.workflow import jobs_of, workflows


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


def test_each_job_may_do_what_is_expected_of_it(combination: Answers, project: Path) -> None:
    push = expected("registry", combination["registry"])["push"]
    jobs = jobs_of(project, "ci")
    for name, job in jobs.items():
        row = expected("job", name)
        assert job["permissions"] == row["permissions"] | (push if row["pushes"] else {}), name
    assert jobs.keys() == rows("job").keys()


def test_each_deploying_job_may_pull_and_reach_its_environment(
    combination: Answers, rendered: Callable[[Answers], Path]
) -> None:
    wanted = {"contents": "read"} | expected("registry", combination["registry"])["pull"]
    wanted |= expected("orchestrator", combination["orchestrator"])["permissions"]
    kubernetes = combination["orchestrator"] == "kubernetes"
    for access in TEMPLATE.table("kubernetes_accesses") if kubernetes else [""]:
        project = rendered(combination | ({"kubernetes_access": access} if access else {}))
        deploying = jobs_of(project, "deploy") | jobs_of(project, "rollback")
        assert deploying.keys() == {"staging", "production", "rollback"}
        for name, job in deploying.items():
            more = expected("kubernetes_access", access)["permissions"] if access else {}
            assert job["permissions"] == wanted | more, f"{name}: {access}"


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

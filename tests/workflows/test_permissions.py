"""What each job may do, what it can read, and for how long."""

import re
from collections.abc import Callable
from pathlib import Path

import yaml
from shipshape.template import Answers

from tests.support.expectations import expected, rows
from tests.support.render import TEMPLATE
from tests.workflows.workflow import called, jobs_of, workflows

Permissions = dict[str, str]


def test_each_job_may_do_what_is_expected_of_it(combination: Answers, rendered: Callable[[Answers], Path]) -> None:
    question = {"kubernetes": "kubernetes_access", "compose": "host_machine"}.get(combination["orchestrator"], "")
    for access in TEMPLATE.table(TEMPLATE.choices()[question]) if question else [""]:
        project = rendered(combination | ({question: access} if access else {}))
        deployment = expected("orchestrator", combination["orchestrator"])["permissions"]
        if access:
            deployment = deployment | expected(question, access)["permissions"]
        registry = expected("registry", combination["registry"]) | {"": {}}
        found = set()
        for workflow, says in workflows(project).items():
            for name, job in says["jobs"].items():
                row = expected("job", f"{workflow}/{name}")
                wanted = row["permissions"] | registry[row["registry"]] | (deployment if row["deploys"] else {})
                assert job["permissions"] == wanted, f"{workflow}/{name} {access}"
                found.add(f"{workflow}/{name}")
        assert found == rows("job").keys()


def test_a_workflow_has_no_permissions_but_those_of_its_jobs(project: Path) -> None:
    for name, workflow in workflows(project).items():
        assert workflow["permissions"] == {}, name


def test_a_caller_grants_what_the_called_jobs_ask_for_and_no_more(project: Path) -> None:
    """Less is refused before any job starts: https://github.com/mattermost/mattermost/pull/36198."""
    rank = {"read": 1, "write": 2}
    for job in jobs_of(project, "ci").values():
        if not called(project, job):
            continue
        needed: Permissions = {}
        for inner in jobs_of(project, called(project, job)).values():
            for name, level in inner["permissions"].items():
                needed[name] = max(needed.get(name, level), level, key=rank.__getitem__)
        assert job["permissions"] == needed


def test_each_permission_stands_once_and_says_why(project: Path) -> None:
    for path in sorted(project.glob(".github/workflows/*.yml")):
        for block in re.findall(r"^    permissions:(?: #.*)?\n((?:      .+\n)+)", path.read_text(), re.MULTILINE):
            names = [line.split(":")[0].strip() for line in block.splitlines()]
            assert len(names) == len(set(names)), (
                f"{path.name}: GitHub refuses a permission that is there twice: {names}"
            )
            for line in block.splitlines():
                assert " # " in line or line.strip() == "contents: read", f"{path.name}: no reason: {line}"


def test_every_job_has_a_timeout(project: Path) -> None:
    """In place of GitHub's six hours: half an hour, and a canary's share and its minutes more."""
    for name, workflow in workflows(project).items():
        for job, says in workflow["jobs"].items():
            most = 50 if name.endswith("deploy") else 30
            assert called(project, says) or says["timeout-minutes"] <= most, f"{name}: {job}"


def test_every_workflow_has_a_concurrency_group(project: Path) -> None:
    for name, workflow in workflows(project).items():
        # A called one is in its caller's; its own would be a second, of the same name at worst, and cancel the caller.
        assert workflow[True].keys() == {"workflow_call"} or workflow["concurrency"]["group"], name


def test_scanners_are_kept_from_credentials(project: Path) -> None:
    """No job that runs what reads foreign data holds a token that pushes or signs, and no secret reaches it."""
    reading = {"ci": ("dependencies",), "build": ("image", "scan"), "scan": ("scan",)}
    for workflow, jobs in reading.items():
        for name in jobs:
            job = jobs_of(project, workflow)[name]
            text = yaml.safe_dump(job)
            assert not {"id-token", "packages"} & set(job["permissions"]), name
            assert "secrets." not in text, name
            assert "login" not in text, name


def test_a_pull_request_pushes_nothing(project: Path) -> None:
    triggers = workflows(project)["ci"][True]
    assert "pull_request_target" not in triggers  # YAML 1.1 reads the key `on` as true
    assert jobs_of(project, "build")["publish"]["if"] == (
        "github.event_name == 'push' && github.ref == 'refs/heads/main'"
    )
    assert jobs_of(project, "ci")["release"]["if"].startswith("github.event_name == 'push' && ")
    assert jobs_of(project, "scan")["images"]["if"] == "github.ref == 'refs/heads/main'"


def test_what_has_a_schedule_is_started_by_nothing_else(project: Path) -> None:
    """GitHub disables such a workflow as a whole after 60 quiet days: https://github.com/Bahmni/bahmni-core/pull/348."""
    scheduled = {name for name, workflow in workflows(project).items() if "schedule" in workflow[True]}
    assert scheduled == {"weekly"}
    assert workflows(project)["weekly"][True].keys() == {"schedule"}


def test_who_signs_or_pushes_reads_no_cache(project: Path) -> None:
    """What a pull request could write into a cache, a job with rights would run: adnanthekhan.com/2024/05/06."""
    for name, workflow in workflows(project).items():
        for job, says in workflow["jobs"].items():
            if not {"id-token", "packages"} & set(says["permissions"]):
                continue
            text = yaml.safe_dump(says)
            assert "type=gha" not in text, f"{name}: {job}"
            assert "actions/cache" not in text, f"{name}: {job}"
            for step in says.get("steps", []):
                if step.get("uses", "").startswith("actions/setup-"):
                    assert step["with"]["cache"] is False, f"{name}: {job}"


def test_only_main_writes_into_the_cache(project: Path) -> None:
    (step,) = [s for s in jobs_of(project, "build")["image"]["steps"] if "build-push" in s.get("uses", "")]
    assert step["with"]["cache-to"].startswith("${{ github.ref == 'refs/heads/main' && ")
    assert "ignore-error=true" in step["with"]["cache-to"], "a cache that is down fails no build"


def test_a_password_is_an_environments_own(combination: Answers, project: Path) -> None:
    """A secret of the repository is read by any workflow of any branch; an environment's, by main and version tags."""
    secret = TEMPLATE.table("registries")[combination["registry"]]["secret"]
    for name, workflow in workflows(project).items():
        for job, says in workflow["jobs"].items():
            text = yaml.safe_dump(says)
            if "secrets." in text:
                assert says["environment"], f"{name}: {job}"
            if secret and f"secrets.{secret}" in text and name not in {"deploy", "rollback"}:
                assert says["environment"] == "registry", f"{name}: {job}"
            if called(project, says):  # https://github.com/actions/runner/issues/1490
                assert says.get("secrets") == ("inherit" if secret else None), f"{name}: {job}"

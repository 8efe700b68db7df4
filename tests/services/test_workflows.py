"""The workflows of one service take nothing that is another's, and say where theirs is."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
import yaml

from tests.services.repository import is_of
from tests.workflows.workflow import Workflow, workflows

NAMES = ("orders", "payments")
# What a repository has once, by intention: facts about its plan, and its account at a registry or in a cloud.
SHARED_VARIABLES = {
    "ALLOW_UNREVIEWED_PRODUCTION", "CODE_SECURITY", "AZURE_TENANT_ID", "GOOGLE_WORKLOAD_IDENTITY_PROVIDER",
    "DOCKERHUB_USERNAME", "DOCKERHUB_OIDC_CONNECTIONID",
}  # fmt: skip
# Of an environment, and so of a service.
ENVIRONMENT_VARIABLES = {"DEPLOY_HOST", "SSH_KNOWN_HOSTS", "EKS_CLUSTER", "REGISTRY_USERNAME"}


def own(repository: Path, name: str) -> dict[str, Workflow]:
    return {stem: workflow for stem, workflow in workflows(repository).items() if stem.startswith(f"{name}-")}


def taken(workflow: Workflow) -> Iterator[tuple[str, str]]:
    """What a workflow takes of its repository, of which two of one name would be one: (kind, name)."""
    yield "workflow", workflow["name"]
    for event, filters in workflow[True].items():
        for tag in (filters or {}).get("tags", []) if event == "push" else []:
            yield "tag", tag
    groups = [workflow.get("concurrency"), *(job.get("concurrency") for job in workflow["jobs"].values())]
    yield from (("concurrency", group["group"]) for group in groups if group)
    for job in workflow["jobs"].values():
        if "environment" in job:
            yield "environment", job["environment"]
        if job["name"].endswith("ci"):
            yield "check", job["name"]
        if "TITLE" in job.get("env", {}):
            yield "issue", job["env"]["TITLE"]
        for step in job.get("steps", []):
            says, action = step.get("with", {}), step.get("uses", "").partition("@")[0]
            if action in ("actions/upload-artifact", "actions/download-artifact") and "name" in says:
                yield "artifact", says["name"]
            if action == "docker/build-push-action":
                yield "cache", re.findall("scope=(.*)$", says["cache-from"])[0]
                yield "cache", re.findall("scope=([^{]*)[{]0}", says["cache-to"])[0]
            if action == "github/codeql-action/upload-sarif":
                yield "category", says["category"]
    if "IMAGE" in workflow.get("env", {}):
        yield "image", workflow["env"]["IMAGE"]


def test_two_services_take_nothing_of_each_other(repository: Path) -> None:
    found = {name: {item for workflow in own(repository, name).values() for item in taken(workflow)} for name in NAMES}
    kinds = {
        "workflow",
        "tag",
        "concurrency",
        "environment",
        "check",
        "issue",
        "artifact",
        "cache",
        "category",
        "image",
    }
    for name in NAMES:
        assert {kind for kind, _ in found[name]} == kinds
        assert all(re.search(rf"\b{name}\b", taken) for _, taken in found[name]), "its name says whose it is"
    assert found["orders"] & found["payments"] == set()


def test_variables_are_one_service_s_or_meant_for_all(repository: Path) -> None:
    for name in NAMES:
        texts = [path.read_text() for path in repository.glob(f".github/workflows/{name}-*.yml")]
        variables = {variable for text in texts for variable in re.findall(r"\bvars\.(\w+)", text)}
        assert f"{name.upper()}_DEPLOY" in variables
        rest = variables - SHARED_VARIABLES - ENVIRONMENT_VARIABLES
        assert all(variable.startswith(f"{name.upper()}_") for variable in rest), rest


def test_a_pattern_of_tags_is_one_service_s(repository: Path) -> None:
    """`*` would take any name for a version: `web-v*.*.*` is the tag web-v2-v1.2.3 of a service web-v2 too.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet
    """
    for name in NAMES:
        (pattern,) = own(repository, name)[f"{name}-ci"][True]["push"]["tags"]
        matches = re.compile(re.escape(pattern).replace(r"\[0\-9\]\+", "[0-9]+").replace(r"\*", "[^/]*"))
        assert matches.fullmatch(f"{name}-v1.2.3")
        assert matches.fullmatch(f"{name}-v10.20.30-rc.1")
        for other in ("v1.2.3", "orders-api-v1.2.3", f"{name}-v2-v1.2.3", f"{name}-v1", f"x{name}-v1.2.3"):
            assert not matches.fullmatch(other), other


def test_a_step_runs_where_its_service_is(repository: Path) -> None:
    """And where there is no checkout, there is no such folder: a step would fail before its first command."""
    for name in NAMES:
        for stem, workflow in own(repository, name).items():
            for job_name, job in workflow["jobs"].items():
                default = workflow["defaults"]["run"].get("working-directory", "")
                default = job.get("defaults", {}).get("run", {}).get("working-directory", default)
                there = False
                for step in job.get("steps", []):
                    there = there or step.get("uses", "").startswith("actions/checkout@")
                    if "run" in step:
                        folder = step.get("working-directory", default)
                        called = re.search(r"(?:^|[\s(])(scripts|deploy)/[\w./-]+\.sh|\bmake ", step["run"])
                        where = f"{stem}, {job_name}: {step['run']}"
                        assert there or folder in ("", "."), f"no checkout before {where}"
                        assert not called or folder == f"services/{name}", where


def test_a_path_in_a_workflow_is_as_the_root_sees_it(repository: Path) -> None:
    """What an action or an expression takes is relative to the repository: no working directory holds for it."""
    for name in NAMES:
        for workflow in own(repository, name).values():
            for job in workflow["jobs"].values():
                for step in job.get("steps", []):
                    says = step.get("with", {})
                    paths = [says[key] for key in ("path", "sarif_file") if key in says]
                    paths += re.findall(r"hashFiles\('([^']*)'\)", str(step.get("if", "")))
                    paths += re.findall(r"dest=([^,]*)", says.get("outputs", ""))
                    paths += [step["working-directory"]] if "/.cache" in step.get("working-directory", "") else []
                    assert all(path.startswith(f"services/{name}/") for path in paths), step
                    if step.get("uses", "").startswith("docker/build-push-action@"):
                        assert says["context"] == "{{defaultContext}}:services/" + name


def test_a_workflow_calls_and_starts_its_own_service_s(repository: Path) -> None:
    for name in NAMES:
        for path in repository.glob(f".github/workflows/{name}-*.yml"):
            text = path.read_text()
            named = re.findall(r"\./\.github/workflows/([\w-]+)\.yml", text) + re.findall(
                r"gh workflow run ([\w-]+)\.yml", text
            )
            assert all(stem.startswith(f"{name}-") and path.with_stem(stem).exists() for stem in named)
        scripts = "".join(path.read_text() for path in (repository / f"services/{name}/scripts").glob("*.sh"))
        assert set(re.findall(r"\b(\w+-)?(?:build|ci|deploy|rollback|scan)\.yml", scripts)) == {f"{name}-"}


def test_the_signer_is_its_own_builder_wherever_one_is_demanded(repository: Path) -> None:
    for name in NAMES:
        texts = [
            path.read_text() for path in (repository / f"services/{name}").rglob("*") if path.suffix in (".sh", ".yml")
        ]
        found = {identity for text in texts for identity in re.findall(r"[\w-]+\.yml@refs/heads/main", text)}
        assert found == {f"{name}-build.yml@refs/heads/main", f"{name}-scan.yml@refs/heads/main"}


def test_a_role_trusts_its_own_service_s_environments_and_tags(repository: Path) -> None:
    subjects = 0
    for name in NAMES:
        for path in (repository / f"services/{name}/deploy").rglob("*"):
            if path.suffix in (".yml", ".sh"):
                text = path.read_text()
                for subject in re.findall(r":(?:environment|ref:refs/tags/?):?([\w$]\S*)", text):
                    assert subject.startswith(f"{name}-"), f"{path}: {subject}"
                    subjects += 1
    if "ecr" in str(repository):
        assert subjects


def test_a_workflow_is_skipped_by_no_filter_of_paths(repository: Path) -> None:
    """Its required check would be pending for ever: https://github.com/OpenNMS-Cloud/lokahi/pull/1209."""
    for workflow in workflows(repository).values():
        for filters in workflow[True].values():
            assert not isinstance(filters, dict) or not {"paths", "paths-ignore"} & filters.keys()


def test_what_costs_time_waits_for_the_answer_what_changed_and_the_check_is_reported_always(repository: Path) -> None:
    """A required check that is skipped lets the merge queue pass: https://github.com/amaranth-lang/amaranth/pull/948."""
    for name in NAMES:
        jobs = own(repository, name)[f"{name}-ci"]["jobs"]
        for job in ("dependencies", "build"):
            assert jobs[job]["needs"] == "changes"
            assert "needs.changes.outputs.service == 'true' && " in jobs[job]["if"]
        assert jobs["ci"]["if"] == "always()"
        assert jobs["ci"]["name"] == f"{name}-ci"
        assert set(jobs["ci"]["needs"]) == {"changes", "dependencies", "build"}, (
            "a failure to say what changed fails it"
        )
        assert set(own(repository, name)[f"{name}-ci"][True]) == {"pull_request", "merge_group", "push"}


@pytest.mark.parametrize("name", NAMES)
def test_links_of_a_service_s_pages_lead_somewhere(repository: Path, name: str) -> None:
    for page in (repository / f"services/{name}").rglob("*.md"):
        for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)\s#]+)", page.read_text()):
            target = PurePosixPath(page.relative_to(repository).parent, link)
            assert (page.parent / link).exists(), f"{page.name}: {target}"
            if "workflows/" in link:
                assert is_of(name, str((page.parent / link).resolve().relative_to(repository.resolve())))


def test_dependabot_and_the_stack_name_folders_that_are_there(repository: Path) -> None:
    path = repository / ".github/dependabot.yml"
    if path.exists():
        for update in yaml.safe_load(path.read_text())["updates"]:
            # no pattern: https://github.com/dependabot/dependabot-core/issues/12347
            assert "directory" not in update
            assert all((repository / folder.removeprefix("/")).is_dir() for folder in update["directories"])
    for entry in yaml.safe_load((repository / "compose.yaml").read_text())["include"]:
        assert (repository / entry["path"]).exists()

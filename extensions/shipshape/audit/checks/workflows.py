"""Workflows of GitHub Actions. https://docs.github.com/en/actions/reference/security/secure-use."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..lines import Map, dig, mapping, sequence
from ..model import Job, Workflow
from ..words import digest
from .registry import Judged, each, fault

check = each(lambda repository: repository.workflows)
jobs = each(lambda repository: repository.jobs())

COMMIT = re.compile(r"@[0-9a-f]{40}$")
EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
# What a stranger can write: https://docs.github.com/en/actions/concepts/security/script-injections
STRANGERS = re.compile(
    r"github\.event\.(issue|pull_request|discussion|comment|review|review_comment|pages|commits|head_commit|workflow_run)\b[\w.*\[\]'-]*"
    r"\.(title|body|name|email|message|page_name|ref|label|default_branch|head_branch|display_title)\b|github\.head_ref\b"
)
UNTRUSTED_CODE = re.compile(
    r"github\.event\.pull_request\.head\.|github\.head_ref|github\.event\.workflow_run\.head_|refs/pull/"
    r"|github\.event\.number|github\.event\.pull_request\.merge_commit_sha"
)
SECRET = re.compile(r"\bsecrets\s*[.\[]")
PUSHES = re.compile(
    r"\bgit\s+(-\S+\s+)*push\b|semantic-release|\bchangeset|gh-pages|lerna publish|npm version|release-it|mike deploy"
    r"|goreleaser|cargo release|mkdocs gh-deploy"
)
PUSHING_ACTIONS = re.compile(
    r"git-auto-commit|create-pull-request|gh-pages|add-and-commit|github-push|changesets/action|semantic-release"
    r"|release-please|push-action|pages-deploy|chart-releaser|goreleaser|auto-commit|commit-action|^\./"
)
KEYS = ("aws-access-key-id", "aws-secret-access-key", "credentials_json", "service_account_key", "creds")
PIPED = re.compile(r"\b(curl|wget)\b[^|;&\n]*\|\s*(sudo\s+(-\w+\s+)*)?(/bin/|/usr/bin/)?(ba|z|da)?sh\b")


def steps(job: Job) -> Iterator[tuple[Map, str]]:
    """Each step with its `uses`, which is empty for a script."""
    return ((step, str(step.get("uses") or "")) for step in job.steps)


def scripts(job: Job) -> Iterator[tuple[int, str]]:
    """The lines of each script, with their numbers."""
    for step in job.steps:
        run = step.get("run")
        if isinstance(run, str):
            first = step.at("run") + (1 if "\n" in run else 0)
            yield from ((first + number, row) for number, row in enumerate(run.splitlines()))
        action_script = dig(step, "with", "script")
        if "github-script" in str(step.get("uses")) and isinstance(action_script, str):
            yield from ((step.at("with", "script") + 1 + n, row) for n, row in enumerate(action_script.splitlines()))


@jobs("actions-pinned")
def pinned(job: Job) -> Judged:
    """An action, and a workflow of another repository, is named by its commit."""
    for line, uses in [(step.at("uses"), uses) for step, uses in steps(job)] + [
        (job.data.at("uses"), str(job.data.get("uses") or ""))
    ]:
        if uses.startswith("docker://"):
            yield line, fault(not digest(uses), f"{uses} has no digest")
        elif uses and not uses.startswith(("./", "$")):
            yield line, fault(not COMMIT.search(uses), f"{uses} can be moved")


@jobs("actions-image-digest")
def image_digest(job: Job) -> Judged:
    """The containers of a job are named by their digests."""
    container = job.data.get("container")
    found = [(job.data.at("container", "image"), container if isinstance(container, str) else dig(container, "image"))]
    services = mapping(job.data.get("services"))
    found += [(services.at(name, "image"), dig(one, "image")) for name, one in services.items()]
    for line, image in found:
        if isinstance(image, str) and image and "${{" not in image:
            yield line, fault(not digest(image), f"{image} has no digest")


@check("actions-permissions")
def permissions(workflow: Workflow) -> Judged:
    """The token's rights are named, for the workflow or for each of its jobs."""
    if "permissions" in workflow.data:
        yield workflow.data.at("permissions"), ""
        return
    for job in workflow.jobs:
        yield job.line, fault("permissions" not in job.data, f"{job.name} has all rights that the repository gives")


@check("actions-write-all")
def write_all(workflow: Workflow) -> Judged:
    """They are not simply all."""
    for data in (workflow.data, *(job.data for job in workflow.jobs)):
        if "permissions" in data:
            yield data.at("permissions"), fault(data["permissions"] == "write-all", "write-all")


@jobs("actions-timeout")
def timeout(job: Job) -> Judged:
    """A job that hangs is ended; without a limit it takes six hours."""
    if "steps" in job.data:
        limited = "timeout-minutes" in job.data or all("timeout-minutes" in step for step in job.steps)
        yield job.line, fault(not limited, f"{job.name} may take six hours")


@jobs("actions-untrusted-code")
def untrusted_code(job: Job) -> Judged:
    """A workflow with rights does not check out what a stranger proposes."""
    if not {"pull_request_target", "workflow_run"} & job.workflow.triggers:
        return
    for step, uses in steps(job):
        if uses.startswith("actions/checkout@"):
            ref = f"{dig(step, 'with', 'ref') or ''} {dig(step, 'with', 'repository') or ''}"
            yield step.at("with", "ref"), fault(UNTRUSTED_CODE.search(ref), f"checks out {ref.strip()}")


@jobs("actions-injection")
def injection(job: Job) -> Judged:
    """What a stranger wrote does not become part of a script."""
    for line, row in scripts(job):
        for expression in EXPRESSION.findall(row):
            yield line, fault(STRANGERS.search(expression), f"{expression.strip()} becomes part of the script")


@jobs("actions-secret-in-script")
def secret_in_script(job: Job) -> Judged:
    """A secret comes to a script by its environment."""
    for line, row in scripts(job):
        for expression in EXPRESSION.findall(row):
            yield line, fault(SECRET.search(expression), f"{expression.strip()} becomes part of the script")


@jobs("actions-credentials")
def credentials(job: Job) -> Judged:
    """The checkout leaves no token behind, where nothing pushes."""
    pushes = any(PUSHES.search(row) for _, row in scripts(job)) or any(
        PUSHING_ACTIONS.search(uses) for _, uses in steps(job)
    )
    if pushes:
        return
    for step, uses in steps(job):
        if uses.startswith("actions/checkout@"):
            kept = dig(step, "with", "persist-credentials")
            yield step.at("uses"), fault(kept not in (False, "false"), "the token stays in .git/config")


@jobs("actions-cloud-key")
def cloud_key(job: Job) -> Judged:
    """The cloud is entered by OIDC, not by a key that somebody stored."""
    for step, uses in steps(job):
        if re.match(
            r"(aws-actions/configure-aws-credentials|google-github-actions/auth|azure/login)@", uses, re.IGNORECASE
        ):
            given = mapping(step.get("with"))
            keys = [name for name in KEYS if given.get(name)]
            yield (
                step.at("with", keys[0]) if keys else step.at("uses"),
                fault(keys, f"{', '.join(keys)}: a key that lasts"),
            )


@jobs("actions-self-hosted")
def self_hosted(job: Job) -> Judged:
    """What strangers propose does not run on a machine of one's own."""
    if {"pull_request", "pull_request_target"} & job.workflow.triggers:
        on = job.data.get("runs-on")
        labels = {on} if isinstance(on, str) else {str(one) for one in sequence(on)}
        yield job.data.at("runs-on"), fault("self-hosted" in labels, "pull requests run on a machine of your own")


@jobs("actions-runner")
def runner(job: Job) -> Judged:
    """The machine's system is named by its version."""
    on = job.data.get("runs-on")
    if isinstance(on, str) and "$" not in on:
        yield (
            job.data.at("runs-on"),
            fault(re.fullmatch(r"(ubuntu|macos|windows)-latest", on), f"{on} is another system one day"),
        )


@jobs("actions-pipe-to-shell")
def pipe_to_shell(job: Job) -> Judged:
    """What is fetched is not run unread."""
    for line, row in scripts(job):
        if re.search(r"\b(curl|wget)\b", row):
            yield line, fault(PIPED.search(row), "runs what it fetches, unread")


@check("actions-concurrency")
def concurrency(workflow: Workflow) -> Judged:
    """A newer commit of a pull request ends the run of an older one."""
    if "pull_request" in workflow.triggers:
        named = "concurrency" in workflow.data or any("concurrency" in job.data for job in workflow.jobs)
        yield workflow.data.at("on"), fault(not named, "each push starts a run beside the one before")

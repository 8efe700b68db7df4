"""What the repository as a whole has: updates, scans, proofs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..model import Job, Repository, Workflow
from ..words import literal, names_secret
from .registry import Verdict, fault, over
from .workflows import scripts, steps

PUSH_ACTION = re.compile(r"^(docker/build-push-action|docker/bake-action|redhat-actions/push-to-registry)@")
PUSH_COMMAND = re.compile(
    r"\b(docker|podman|buildah|crane|skopeo)\s+(image\s+)?(push|copy)\b|--push\b|\bko (build|publish)\b"
)
SCANS = re.compile(
    r"trivy|grype|snyk|anchore|docker[ /-]scout|\bclair\b|osv-scanner|sysdig|\bwiz(cli|-)|prisma-?cloud|aquasec|dockle"
    r"|scan[-_](archive|image)|container-scan|image-scan",
    re.IGNORECASE,
)
PROVES = re.compile(
    r"cosign|attest|slsa|notation|gh-action-sigstore|sign\.sh|docker trust|DOCKER_CONTENT_TRUST", re.IGNORECASE
)


def _pushes(repository: Repository, job: Job) -> int:
    """The line on which a job pushes an image; 0 where it pushes none."""
    for step, uses in steps(job):
        given = step.get("with")
        if PUSH_ACTION.match(uses) and isinstance(given, dict) and given.get("push") not in (None, False, "false"):
            return step.at("uses")
    return next((line for line, row in scripts(job) if PUSH_COMMAND.search(_with_called(repository, row))), 0)


def _with_called(repository: Repository, row: str) -> str:
    """A line of a script, with the scripts that it calls."""
    return "\n".join([row, *(text for name, text in repository.texts.items() if name.endswith("sh") and name in row)])


def _pushing(repository: Repository) -> Iterator[tuple[Workflow, int]]:
    for workflow in repository.workflows:
        line = next((line for job in workflow.jobs if (line := _pushes(repository, job))), 0)
        if line:
            yield workflow, line


def _says(repository: Repository, pattern: re.Pattern[str]) -> bool:
    return any(
        any(pattern.search(uses) for _, uses in steps(job))
        or any(pattern.search(_with_called(repository, row)) for _, row in scripts(job))
        or pattern.search(str(job.data.get("uses")))
        for job in repository.jobs()
    )


@over("repository-scan")
def scan(repository: Repository) -> Iterator[Verdict]:
    """Where an image is pushed, one is scanned."""
    for workflow, line in _pushing(repository):
        yield Verdict(workflow.path, line, fault(not _says(repository, SCANS), "pushes an image that nothing scans"))


@over("repository-provenance")
def provenance(repository: Repository) -> Iterator[Verdict]:
    """Where an image is pushed, something proves where it comes from."""
    for workflow, line in _pushing(repository):
        attested = any(
            str(dict(given).get("provenance", dict(given).get("sbom", "false"))).lower() != "false"
            for job in workflow.jobs
            for step, _ in steps(job)
            if isinstance(given := step.get("with"), dict)
        )
        broken = not attested and not _says(repository, PROVES)
        yield Verdict(workflow.path, line, fault(broken, "pushes an image that nothing signs or attests"))


@over("repository-updates")
def updates(repository: Repository) -> Iterator[Verdict]:
    """Somebody looks after what is pinned."""
    places = [one.path for one in repository.dockerfiles] + [one.path for one in repository.workflows]
    if places:
        names = (
            "renovate.json",
            "renovate.json5",
            ".renovaterc",
            ".renovaterc.json",
            "dependabot.yml",
            "dependabot.yaml",
        )
        own = any(re.search(r"renovate", str(one.data), re.IGNORECASE) for one in repository.workflows)
        found = repository.has(*names) or own
        yield Verdict(places[0], 1, fault(not found, "neither Renovate nor Dependabot looks after what is pinned"))


@over("repository-dotenv")
def dotenv(repository: Repository) -> Iterator[Verdict]:
    """No file with local settings has a secret in it."""
    for path, text in repository.texts.items():
        if path.rpartition("/")[2] != ".env":
            continue
        for number, row in enumerate(text.splitlines(), 1):
            name, given, value = row.removeprefix("export ").partition("=")
            if given and names_secret(name.strip()):
                yield Verdict(path, number, fault(literal(value.split(" #")[0]), f"{name.strip()} has its value here"))

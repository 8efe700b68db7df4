"""The pipeline's scripts, run as the workflow runs them."""

import json
import subprocess
import tarfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

from tests.support.render import ORDERS

SOURCE: str = ORDERS["repository"]
BUILDER_FILE = "build.yml"  # the workflow that builds and signs
BUILDER = f"https://github.com/{SOURCE}/.github/workflows/{BUILDER_FILE}@refs/heads/main"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER_COMMIT = "89abcdef0123456789abcdef0123456789abcdef"


def run_of(commit: str = COMMIT) -> dict[str, str]:
    """What GitHub Actions tells a step of its run.

    https://docs.github.com/en/actions/reference/workflows-and-actions/variables
    """
    return {
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_REPOSITORY": SOURCE,
        "GITHUB_REPOSITORY_ID": "1",
        "GITHUB_REPOSITORY_OWNER_ID": "2",
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_RUN_ID": "4711",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_SHA": commit,
        "GITHUB_WORKFLOW_REF": f"{SOURCE}/.github/workflows/ci.yml@refs/heads/main",
        "RUNNER_ENVIRONMENT": "github-hosted",
    }


def claims(
    commit: str = COMMIT,
    repository: str = SOURCE,
    workflow: str = BUILDER_FILE,
    ref: str = "refs/heads/main",
    event: str = "push",
    **others: str,
) -> dict[str, str]:
    """What GitHub's token says of a job: https://docs.github.com/en/actions/reference/security/oidc."""
    return {
        "sub": f"repo:{repository}:ref:{ref}",
        "actor": "octocat",
        "event_name": event,
        "job_workflow_ref": f"{repository}/.github/workflows/{workflow}@{ref}",
        "job_workflow_sha": commit,
        "ref": ref,
        "ref_type": "branch",
        "repository": repository,
        "repository_id": "1",
        "repository_owner": repository.partition("/")[0],
        "repository_owner_id": "2",
        "repository_visibility": "private",
        "run_attempt": "1",
        "run_id": "4711",
        "runner_environment": "github-hosted",
        "sha": commit,
        "workflow": "ci",
        "workflow_ref": f"{repository}/.github/workflows/ci.yml@{ref}",
        "workflow_sha": commit,
    } | others


def scan_of(days: float = 0, findings: int = 0) -> dict[str, object]:
    """A scan's predicate, in the form of `trivy convert --format cosign-vuln`.

    https://github.com/sigstore/cosign/blob/main/specs/COSIGN_VULN_ATTESTATION_SPEC.md
    """
    at = (datetime.now(UTC) - timedelta(days=days)).isoformat().replace("+00:00", "Z")
    found = [{"VulnerabilityID": f"CVE-2026-{number}", "Severity": "HIGH"} for number in range(findings)]
    return {
        "invocation": {"parameters": None, "uri": "", "event_id": "", "builder.id": ""},
        "scanner": {
            "uri": "pkg:github/aquasecurity/trivy@0.75.0",
            "version": "0.75.0",
            "db": {"uri": "", "version": ""},
            "result": {"SchemaVersion": 2, "Results": [{"Target": "debian", "Vulnerabilities": found}]},
        },
        "metadata": {"scanStartedOn": at, "scanFinishedOn": at},
    }


@dataclass
class Pipeline:
    """A rendered repository, the place of its images, and what its workflow's steps would have in their environment."""

    project: Path
    repository: str
    environment: dict[str, str]
    folder: Path

    def run(self, *command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(part) for part in command], cwd=self.project, env=self.environment | environment,
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip

    def succeed(self, *command: str | Path, **environment: str) -> str:
        result = self.run(*command, **environment)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout.strip()

    def refuse(self, *command: str | Path, **environment: str) -> str:
        """Run what must fail, and print nothing that could be taken for an answer; the complaint's last line."""
        return self._fail(1, command, environment)

    def find_unsigned(self, *command: str | Path, **environment: str) -> str:
        """The same, where something is not signed, or not yet."""
        return self._fail(3, command, environment)

    def _fail(self, code: int, command: tuple[str | Path, ...], environment: dict[str, str]) -> str:
        result = self.run(*command, **environment)
        assert result.returncode == code, result.stdout + result.stderr
        assert not result.stdout
        return result.stderr.strip().splitlines()[-1]

    def small(self, name: str, arch: str = "amd64") -> Path:
        """An archive of an image with one file, and beside it all that the pipeline would put there."""
        folder = self.folder / name
        archive = folder / f"{arch}.tar"
        if not archive.exists():
            folder.mkdir(exist_ok=True)
            with tarfile.open(folder / f"{arch}.layer", "w") as layer:
                content = f"{name} {arch}".encode()
                entry = tarfile.TarInfo("name")
                entry.size = len(content)
                layer.addfile(entry, BytesIO(content))
            self.succeed(
                "crane", "append", f"--new_layer={folder / f'{arch}.layer'}", f"--new_tag=test/{name}",
                f"--output={archive}",
            )  # fmt: skip
            archive.with_suffix(".spdx.json").write_text(json.dumps({"spdxVersion": "SPDX-2.3", "name": name}))
            archive.with_suffix(".vuln.json").write_text(json.dumps(scan_of()))
        return archive

    def publish(self, tag: str, *archives: Path) -> str:
        """Push as the workflow does; answers `REPOSITORY@DIGEST`."""
        return f"{self.repository}@{self.succeed('scripts/publish.sh', self.repository, tag, *archives)}"

    def sign(self, image: str, folder: Path, commit: str = COMMIT, **identity: str) -> None:
        """Sign as the workflow does, in a run that this environment makes up."""
        (folder / "provenance.json").write_text(self.succeed("scripts/provenance.sh", **run_of(commit)))
        self.succeed("scripts/sign.sh", image, folder, **identity)

    def key(self, name: str = "owner") -> dict[str, str]:
        return {"COSIGN_KEY": str(self.folder / f"{name}.key")}

    def public(self, name: str = "owner") -> dict[str, str]:
        return {"COSIGN_KEY": str(self.folder / f"{name}.pub")}

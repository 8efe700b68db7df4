"""A repository of a rendered service, and act, which runs its workflows on this machine as GitHub would.

What act lacks (https://nektosact.com/not_supported.html) is read from the workflows, in tests/workflows: environments,
approvals, concurrency, permissions, and which job gets an identity token.
"""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.pipeline.run import SOURCE
from tests.support.render import commit, git


@dataclass(frozen=True)
class Run:
    """What one event made of a workflow."""

    code: int
    log: str
    results: dict[str, str]  # of each job that was run: success or failure; in the order in which they ended
    notes: list[dict[str, str]]  # what the stand-ins were asked to do, in order

    def asked(self, what: str) -> list[dict[str, str]]:
        return [note for note in self.notes if note["what"] == what]

    def succeeded(self) -> "Run":
        assert self.code == 0, self.log
        return self


@dataclass
class GitHub:
    """Sends events to the workflows of `repository`; all that is not the event stays as it is."""

    act: str
    repository: Path
    folder: Path
    environment: dict[str, str]
    options: list[str]
    told: dict[str, str]  # what every step knows of this machine: its Sigstore, its stand-ins for images
    state: dict[str, Any] = field(default_factory=lambda: {"main": "", "environments": {}, "runs": []})
    variables: dict[str, str] = field(default_factory=dict)
    runs: int = 0

    def commit(self, message: str, **files: str) -> str:
        """Commit these files, if any; answers the commit, which is main's head from now on."""
        for name, text in files.items():
            (self.repository / name).write_text(text)
        commit(self.repository, message)
        self.state["main"] = git(self.repository, "rev-parse", "HEAD").strip()
        return self.head

    @property
    def head(self) -> str:
        head: str = self.state["main"]
        return head

    def send(self, event: str, workflow: str = "ci", **more: Any) -> Run:
        """Run a workflow as an event starts it; `identity` is what GitHub gives to jobs that may sign."""
        return self.start(event, workflow, **more).wait()

    def start(
        self,
        event: str,
        workflow: str = "ci",
        payload: dict[str, Any] | None = None,
        identity: dict[str, str] | None = None,
        **settings: str,
    ) -> "Started":
        self.runs += 1
        folder = self.folder / f"run-{self.runs}"
        for name in ("artifacts", "config/act", "cache", "temp"):
            (folder / name).mkdir(parents=True)
        (folder / "config/act/actrc").touch()
        (folder / "event.json").write_text(json.dumps(payload or {"ref": "refs/heads/main"}))
        (folder / "state.json").write_text(json.dumps(self.state))
        (folder / "notes").touch()
        told = {
            "ARTIFACTS": folder / "artifacts",
            "NOTES": folder / "notes",
            "ORIGIN": self.repository,
            "STATE": folder / "state.json",
            "GITHUB_REPOSITORY_ID": "1",
            "GITHUB_REPOSITORY_OWNER_ID": "2",
            "GITHUB_WORKFLOW_REF": f"{SOURCE}/.github/workflows/{workflow}.yml@refs/heads/main",
            "RUNNER_ENVIRONMENT": "github-hosted",
            "PATH": self.environment["PATH"],
            "HOME": self.environment["HOME"],
        }
        command = [
            self.act, event, "--json", "--action-offline-mode", "--no-skip-checkout",
            f"--workflows={self.repository / '.github/workflows' / f'{workflow}.yml'}",
            f"--eventpath={folder / 'event.json'}", "--platform=ubuntu-24.04=-self-hosted",
            *(f"--env={name}={value}" for name, value in (told | self.told | (identity or {}) | settings).items()),
            *(f"--var={name}={value}" for name, value in self.variables.items()),
            "--secret=GITHUB_TOKEN=of-this-run", "--secret=REGISTRY_PASSWORD=of-the-registry", *self.options,
        ]  # fmt: skip
        homes = {"XDG_CONFIG_HOME": str(folder / "config"), "XDG_CACHE_HOME": str(folder / "cache")}
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                command, cwd=self.repository, env=self.environment | homes | {"TMPDIR": str(folder / "temp")},
                stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        return Started(process, folder)


@dataclass(frozen=True)
class Started:
    process: subprocess.Popen[bytes]
    folder: Path

    def wait(self, seconds: float = 400) -> Run:
        code = self.process.wait(seconds)
        lines = [as_object(line) for line in (self.folder / "log").read_text().splitlines()]
        results = {line["jobID"]: line["jobResult"] for line in lines if "jobResult" in line}
        notes = [json.loads(line) for line in (self.folder / "notes").read_text().splitlines()]
        return Run(code, "\n".join(str(line.get("msg", "")).rstrip() for line in lines), results, notes)


def as_object(line: str) -> dict[str, Any]:
    """A line of act's log; what is not JSON is a message."""
    try:
        parsed = json.loads(line)
    except json.JSONDecodeError:
        parsed = None
    return parsed if isinstance(parsed, dict) else {"msg": line}

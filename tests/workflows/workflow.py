"""Reads the rendered workflows."""

from pathlib import Path
from typing import Any

import yaml

Workflow = dict[Any, Any]


def workflows(project: Path) -> dict[str, Workflow]:
    """Each workflow by the name of its file; YAML 1.1 reads the key `on` as True."""
    return {path.stem: yaml.safe_load(path.read_text()) for path in sorted(project.glob(".github/workflows/*.yml"))}


def jobs_of(project: Path, workflow: str) -> Workflow:
    jobs: Workflow = workflows(project)[workflow]["jobs"]
    return jobs


def commands(job: Workflow) -> list[str]:
    return [step["run"] for step in job.get("steps", []) if "run" in step]


def called(project: Path, job: Workflow) -> str:
    """The name of the workflow that a job calls; empty where it has steps of its own."""
    return Path(job["uses"]).stem if "uses" in job else ""

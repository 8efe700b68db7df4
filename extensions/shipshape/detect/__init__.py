"""Reads what a repository says about its service, and runs nothing of it.

`detect(folder)` gives a `Report`; docs/adopt-tool.md says in which order the places are believed.
"""

from __future__ import annotations

from pathlib import Path

from .decide import decide
from .files import Progress, Repository
from .finding import Certainty, Finding, Rank, Refusal, Report

__all__ = ["Certainty", "Finding", "Progress", "Rank", "Refusal", "Report", "Repository", "detect"]


def detect(folder: Path, progress: Progress | None = None) -> Report:
    """All facts about the service in a folder; raises nothing, whatever the folder holds."""
    return decide(Repository(folder, progress))

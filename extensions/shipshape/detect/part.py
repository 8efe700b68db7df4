"""Which part of a repository is the service, where several can be built."""

from __future__ import annotations

from dataclasses import replace

from . import go, rust
from .files import Repository
from .finding import Finding, Rank, Report
from .parse import toml


def name(start: Finding, repository: Repository, report: Report, language: str) -> None:
    """Which of several programs it is, by the name of the one that their image starts."""
    program = str(start.value).split(" ")[0].rsplit("/", 1)[-1] if start.rank <= Rank.PROCESS else ""
    facts: dict[str, str] = {}
    if language == "rust":
        found = [one for one in rust.packages(repository, toml(repository, "Cargo.toml")) if program in one.binaries]
        facts = {"rust_package": found[0].name, "rust_binary": program} if len(found) == 1 else {}
    elif language == "go":
        sources = [one for one in repository.paths if one.endswith(".go")]
        mains = [one for one in go.main_packages(repository, sources) if program and one.rsplit("/", 1)[-1] == program]
        facts = {"main_package": mains[0]} if len(mains) == 1 else {}
    for fact, value in facts.items():
        if fact in report.facts and report.facts[fact].certainty == "guess":
            note = f"their image starts {program}"
            report.facts[fact] = replace(start, fact=fact, value=value, certainty="derived", note=note)

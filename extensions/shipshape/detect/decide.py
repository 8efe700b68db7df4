"""Decides of all findings which one holds: the lower rank, then the one that was found first."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace

from . import (
    compose,
    container,
    go,
    java,
    node,
    platforms,
    procfile,
    publishers,
    python,
    rust,
    unit_tests,
    versions,
    workspace,
    writes,
)
from .extras import branched, described, measured, ported, sampled, sources
from .files import Repository
from .finding import Finding, Rank, Refusal, Report, unless
from .services import below, languages, only_tools
from .settle import settle
from .tell import refuse, tell

_DETECTORS: dict[str, Callable[[Repository], Iterator[Finding]]] = {
    "python": python.find,
    "node": node.find,
    "go": go.find,
    "java": java.find,
    "rust": rust.find,
}
_PROGRAMS = {
    "python": "python python3 uwsgi granian gunicorn uvicorn flask hypercorn daphne fastapi waitress-serve celery",
    "node": "node npm yarn pnpm bun next nest pm2-runtime",
    "java": "java",
}


def decide(repository: Repository) -> Report:
    """Read all that says something about the service in a folder, and decide each fact."""
    report = Report(unread=repository.unread)
    there = languages(repository)
    member = workspace.above(repository) if there else None
    if member:
        report.refusals.append(member)
    if _elsewhere(repository, there, report):
        return report
    findings = _of_containers(repository)
    language = _language(repository, there, findings, report)
    findings += [*procfile.find(repository), *platforms.find(repository), *versions.find(repository)]
    if language in _DETECTORS:
        findings += list(_DETECTORS[language](repository))
        findings += workspace.find(repository) if language == "python" else []
    findings += [
        *described(repository, language),
        *branched(repository),
        *sampled(repository),
        *ported(repository, language),
        *measured(repository, language),
        *writes.find(repository, language),
        *publishers.find(repository),
        *sources(repository, language),
    ]
    for one in sorted(findings, key=lambda finding: finding.rank):
        _take(report, one)
    settle(repository, report, language)
    refuse(report, language)
    _hint(repository, report)
    tell(report)
    unit_tests.propose(repository, report, language)
    return report


def _take(report: Report, one: Finding) -> None:
    fact = one.fact
    if fact in (
        "needs",
        "environment",
        "before_start",
        "other_processes",
        "system_library",
        "native_module",
        "packages",
        "install_script",
        "publisher",
        "not_there",
        "copied",
    ):
        report.others.setdefault(fact, [])
        if one.value not in [other.value for other in report.others[fact]]:
            report.others[fact].append(one)
    elif fact in ("data_folders", "writable_folders"):
        known = report.facts.get(fact)
        if known is None:
            report.facts[fact] = replace(one, value=[one.value])
        elif one.value not in known.value:
            known.value.append(one.value)
    elif fact not in report.facts:
        report.facts[fact] = one
    elif report.facts[fact].certainty == "guess" and one.certainty != "guess" and one.rank < Rank.FRAMEWORK:
        # A guess from a better place gives way to what is sure.
        report.others.setdefault(fact, []).append(report.facts[fact])
        report.facts[fact] = one
    elif one.value != report.facts[fact].value:
        first = report.facts[fact]
        if (
            fact == "port"
            and one.rank == first.rank
            and first.rank in (Rank.CONFIG, Rank.SOURCE)
            and first.certainty != "guess"
        ):
            report.facts[fact] = replace(first, certainty="guess", note=f"{one.place} says {one.value}")
        report.others.setdefault(fact, []).append(one)


def _elsewhere(repository: Repository, there: dict[str, str], report: Report) -> bool:
    """Whether the services are in folders below, which the report then says."""
    folders = below(repository)
    built_below = {context for context, _, _ in compose.builds(repository).values()}
    at_root = (there and not only_tools(repository)) or (repository.first(*container.NAMES) and not there)
    # Images of tools, such as a database with settings, have a Dockerfile and no manifest.
    several = len(built_below) > 1 and any(languages(repository, folder) for folder in built_below)
    if at_root and not (several and "." not in built_below):
        return False
    if len(folders) > 1:
        listed = "; ".join(f"shipshape adopt {shlex.quote(folder)}" for folder in folders[:12])
        message = f"{len(folders)} services are here, and one is adopted at a time, each in its folder: {listed}"
        report.refusals.append(Refusal("several", message))
    elif folders:
        message = f"the service is in {folders[0]}: shipshape adopt {shlex.quote(folders[0])}"
        report.refusals.append(Refusal("several", message))
    elif not at_root:
        expected = (
            "pyproject.toml, package.json, go.mod, pom.xml, build.gradle, Cargo.toml or a Dockerfile was expected"
        )
        report.refusals.append(Refusal("unknown", f"no service was found: {expected} at the root or one folder below"))
    return bool(report.refusals)


def _hint(repository: Repository, report: Report) -> None:
    """Where the root has nothing to run, what lies below may: those folders that stand alone."""
    for number, one in enumerate(report.refusals):
        if one.reason == "library":
            folders = [f for f in below(repository)[:12] if not workspace.above(Repository(repository.root / f))]
            more = f"; below it: {'; '.join(f'shipshape adopt {shlex.quote(f)}' for f in folders)}" if folders else ""
            report.refusals[number] = Refusal("library", one.message + more)


def _of_containers(repository: Repository) -> list[Finding]:
    own = compose.own(repository)
    built = compose.builds(repository).get(own or "", (".", "", ""))
    named = built[1].removeprefix("./")
    path = named if repository.has(named) and not re.search("dev", named, re.IGNORECASE) else None
    target = "" if re.search("dev|build|test", built[2], re.IGNORECASE) else built[2]
    return [*container.find(repository, path, target if path or not named else ""), *compose.find(repository)]


def _language(repository: Repository, there: dict[str, str], findings: list[Finding], report: Report) -> str:
    """Which of the languages that are there the service is written in; `other` where its Dockerfile alone is known."""
    names = list(there)
    note, certainty = "", unless(False, "stated")
    if len(names) > 1:
        note = f"manifests of {' and '.join(names)} are there"
        start = next((str(f.value) for f in findings if f.fact == "start_command"), "")
        program = start.split(" ")[0].rsplit("/", 1)[-1] if start else ""
        by_program = [name for name in names if program and program in _PROGRAMS.get(name, "").split()]
        by_image = [f.value for f in findings if f.fact == "image_language" and f.value in names]
        by_build = [f.value for f in findings if f.fact == "built_language" and f.value in names]
        others = [name for name in names if name != "node"]
        chosen = by_program or by_image or by_build or others
        certainty = unless(not (by_program or by_image or by_build or len(others) == 1))
        names = [chosen[0], *[name for name in names if name != chosen[0]]]
    if not names:
        path = container.chosen(repository) or ""
        report.facts["language"] = Finding(
            "language", "other", path, 0, "derived", Rank.CONTAINER, "only its Dockerfile is known"
        )
        report.facts["manager"] = Finding("manager", "none", path, 0, "derived", Rank.CONTAINER)
        return "other"
    report.facts["language"] = Finding("language", names[0], there[names[0]], 0, certainty, Rank.MANIFEST, note)
    return names[0]

"""Settles what was decided: versions to the lines that are offered, commands to what an image of ours starts."""

from __future__ import annotations

import re
from dataclasses import replace

from . import python
from .files import Repository
from .finding import Certainty, Finding, Rank, Refusal, Report, unless
from .start import start
from .versions import LINES, line_for

_FOLDER = re.compile(r"/?[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*")
_SYSTEM = re.compile(r"/?(?:app|tmp|proc|sys|dev|etc|usr|bin|lib)|(?:.*/)?\.\.?(?:/.*)?")


def settle(repository: Repository, report: Report, language: str) -> None:
    """Bring version, start command, port and health path into the form in which the template asks for them."""
    _version(report, language)
    start(repository, report, language)
    _port(report)
    _scripts(report)
    _health(report)
    _checks(repository, report)
    _folders(report)


def _version(report: Report, language: str) -> None:
    """The line of the language's version: the first that is said exactly, else the newest that the ranges take."""
    fact = f"{language}_version"
    said = [report.facts.pop(fact)] if fact in report.facts else []
    said += report.others.pop(fact, [])
    report.facts.pop("image_language", None)
    for name in [name for name in report.facts if name.endswith("_version") and name != "manager_version"]:
        report.facts.pop(name)
        report.others.pop(name, None)
    if language not in LINES:
        return
    exact = [one for one in said if re.fullmatch(r"[\w.-]*?v?\d+(\.[\dx*]+)*[\w.+-]*", str(one.value).strip())]
    newest = language in ("go", "rust")
    for one in [*exact, *[one for one in said if one not in exact]]:
        line = line_for(language, str(one.value))
        if line is None and one.rank >= Rank.CONFIG:
            continue  # what their workflows test with need not be what runs
        if line is None:
            offered = ", ".join(sorted(LINES[language], key=lambda text: [int(part) for part in text.split(".")]))
            message = f"{one.place} says {language} {one.value}, and images are there for {offered}: take one of them"
            report.refusals.append(Refusal("version", message))
            return
        same = one in exact and not newest and str(one.value).strip().lstrip("v").split("-")[-1].startswith(line)
        nightly = "nightly" in str(one.value)  # the newest stable compiler may lack what it uses
        certainty: Certainty = "stated" if same else unless(language == "java" or nightly)
        note = "" if same else f"of {one.value}"
        report.facts["language_version"] = replace(
            one, fact="language_version", value=line, certainty=certainty, note=note
        )
        others = [o for o in exact if o is not one and line_for(language, str(o.value)) != line]
        if others and not newest:
            report.others["language_version"] = others
        return
    note = "the newest builds older code" if newest else "nothing says which: the default"
    report.facts["language_version"] = Finding(
        "language_version", LINES[language][0], "", 0, unless(not newest), Rank.FRAMEWORK, note
    )


def _port(report: Report) -> None:
    port = report.facts.get("port")
    if port and port.value <= 1024:
        note = f"{port.value} needs a privilege that the container has not: it must listen above 1024"
        report.facts["port"] = port = replace(port, certainty="guess", note=note)
    start = report.facts.get("start_command")
    if start and port and "{port}" in str(start.value):
        report.facts["start_command"] = replace(start, value=str(start.value).replace("{port}", str(port.value)))
    elif start and "{port}" in str(start.value):
        report.facts["start_command"] = replace(start, value=str(start.value).replace("{port}", "8000"))


def _scripts(report: Report) -> None:
    """The scripts of a manifest are run by its manager."""
    manager = report.value("manager", "npm")
    run = {"yarn-classic": "yarn", "yarn": "yarn"}.get(manager, f"{manager} run")
    for fact in ("build_command", "test_command", "lint_command"):
        if fact in report.facts:
            report.facts[fact] = replace(report.facts[fact], value=str(report.facts[fact].value).replace("{run}", run))


def _checks(repository: Repository, report: Report) -> None:
    """What tests and lints is installed with the dependencies, or with those of a development group: pip knows none."""
    needed = python.dependencies(repository) if report.value("manager") == "pip" else None
    for fact in ("test_command", "lint_command"):
        program = str(report.value(fact, "python")).split(" ")[0]
        if needed is not None and program != "python" and program not in needed:
            report.notes.append(f"{program} is not in the requirements of production: {fact} is left out")
            report.facts.pop(fact)


def _folders(report: Report) -> None:
    """Folders as the template takes them: absolute or below the service's, and none of the system's.

    What is below the WORKDIR of their image is below `/app` in one of ours.
    """
    workdir = f"{report.value('workdir', '/app')}/"
    taken: list[str] = []
    for fact in ("data_folders", "writable_folders"):
        found = report.facts.pop(fact, None)
        values = [one.rstrip("/").removeprefix(workdir) for one in found.value if isinstance(one, str)] if found else []
        values = [one for one in values if _FOLDER.fullmatch(one) and not _SYSTEM.fullmatch(one)]
        values = [one for one in values if one not in taken]
        taken += values
        if found and values:
            report.facts[fact] = replace(found, value=values)


def _health(report: Report) -> None:
    """A path that may be another one is not taken: a probe of it would stop a service that works."""
    health = report.facts.get("health")
    if health is None:
        report.facts["health"] = Finding(
            "health", "tcp", "", 0, "derived", Rank.FRAMEWORK, "no path of its own was seen"
        )
    elif health.certainty == "guess":
        report.facts["health"] = replace(health, value="tcp", note=f"{health.value} is there: {health.note}")

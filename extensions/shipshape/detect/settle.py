"""Settles what was decided: versions to the lines that are offered, commands to what an image of ours starts."""

from __future__ import annotations

import re
from dataclasses import replace

from . import python_manifest, workspace
from .command import with_port
from .files import Repository
from .finding import Certainty, Finding, Rank, Refusal, Report, unless
from .parse import json_object, mapping
from .start import start
from .versions import LINES, line_for

LOWEST = 1025  # of the ports that the template takes: template/questions/address.yml
_INSTEAD = 8080
_FOLDER = re.compile(r"/?[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*")
_SYSTEM = re.compile(r"/?(?:app|tmp|proc|sys|dev|etc|usr|bin|lib)|(?:.*/)?\.\.?(?:/.*)?")


def settle(repository: Repository, report: Report, language: str) -> None:
    """Bring version, start command, port and health path into the form in which the template asks for them."""
    _version(report, language)
    start(repository, report, language)
    if language == "node":
        _generated(repository, report)
    _named(repository, report)
    _port(repository, report)
    _scripts(report)
    _health(report)
    _checks(repository, report)
    workspace.settle(repository, report, language)
    _folders(report)


def _version(report: Report, language: str) -> None:
    """The line of the language's version: the first that is said exactly, else the newest that the ranges take."""
    fact = f"{language}_version"
    said = [report.facts.pop(fact)] if fact in report.facts else []
    said += report.others.pop(fact, [])
    for fact in ("image_language", "built_language"):
        report.facts.pop(fact, None)
        report.others.pop(fact, None)
    for name in [name for name in report.facts if name.endswith("_version") and name != "manager_version"]:
        report.facts.pop(name)
        report.others.pop(name, None)
    if language not in LINES:
        return
    exact = [one for one in said if re.fullmatch(r"[\w.-]*?v?\d+(\.[\dx*]+)*[\w.+-]*", str(one.value).strip())]
    if language == "java":  # an image that is older than the code in it is out of date
        offered = "|".join(LINES["java"])
        exact.sort(key=lambda one: not re.match(rf"\D*(?:{offered})(?!\d)", str(one.value)))
    newest = language in ("go", "rust")
    for one in [*exact, *[one for one in said if one not in exact]]:
        line = line_for(language, str(one.value))
        if line is None and one.rank >= Rank.CONFIG:
            continue  # what their workflows test with need not be what runs
        if line is None:
            offered = ", ".join(sorted(LINES[language], key=lambda text: [int(part) for part in text.split(".")]))
            message = (
                f"{one.place} says {language} {one.value}, and images are there for {offered}: if it runs on one of "
                f"them, answer --data language_version={LINES[language][0]}; else it needs a Dockerfile of its own"
            )
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


def _generated(repository: Repository, report: Report) -> None:
    """Prisma's client is code that a command makes of the schema: no install of version 7, and none of pnpm's, runs it.

    https://www.prisma.io/docs/orm/prisma-client/setup-and-configuration/generating-prisma-client
    """
    package = json_object(repository, "package.json")
    needed = {**mapping(package.get("dependencies")), **mapping(package.get("devDependencies"))}
    scripts = mapping(package.get("scripts"))
    said = [text for name, text in scripts.items() if re.search("build|install|prepare", name)]  # twice does no harm
    said.append(report.value("build_command", ""))
    schema = next((path for path in repository.paths if path.endswith(".prisma")), None)
    if not schema or "prisma" not in needed or any("prisma generate" in str(text) for text in said):
        return
    build = report.facts.get("build_command")
    command = f"{'bunx' if report.value('manager') == 'bun' else 'npx'} prisma generate"
    if build:
        report.facts["build_command"] = replace(build, value=f"{command} && {build.value}", certainty="derived")
    else:
        report.facts["build_command"] = Finding("build_command", command, schema, 0, "derived", Rank.MANIFEST)


def _named(repository: Repository, report: Report) -> None:
    """What a command names is needed, in whatever folder it is: `uwsgi docker/uwsgi.ini`."""
    sources = report.facts.get("sources")
    commands = [str(report.value(fact, "")) for fact in ("start_command", "build_command")]
    words = [word.removeprefix("./") for text in commands for word in re.split(r"[\s=\"';&|()]+", text)]
    top = [str(one) for one in sources.value] if sources else ["."]
    more = [word for word in dict.fromkeys(words) if re.fullmatch(r"[\w.@+-]+(?:/[\w.@+-]+)*", word)]
    more = [word for word in more if repository.has(word) and word not in top and word.split("/")[0] not in top]
    if sources and top != ["."] and more:
        report.facts["sources"] = replace(sources, value=[*top, *more])


def _port(repository: Repository, report: Report) -> None:
    port = report.facts.get("port")
    start = report.facts.get("start_command")
    if port and port.value < LOWEST:
        # Who listens where the setting PORT says, listens there; a command is told, if it is not that of their image.
        others = [one for one in report.others.get("port", []) if "the setting PORT" in one.note]
        moved = with_port(str(start.value), port.value, _INSTEAD) if start else ""
        told = bool(others) or bool(start and moved != start.value and not repository.has("Dockerfile"))
        note = f"for {port.value}, which only root may open"
        report.facts["port"] = replace(port, value=_INSTEAD, certainty=unless(not told), note=note)
        if start and moved != start.value:
            start = report.facts["start_command"] = replace(start, value=moved)
        if not told:
            report.notes.append(
                f"it must listen on {_INSTEAD}, or on the port that you answer: {port.place} says {port.value}, "
                f"and its container, which is not root, opens none below {LOWEST}"
            )
        port = report.facts["port"]
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
    needed = python_manifest.dependencies(repository) if report.value("manager") == "pip" else None
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

"""Settles what was decided: versions to the lines that are offered, commands to what an image of ours starts."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

from . import node_start, python
from .files import Repository
from .finding import Certainty, Finding, Rank, Refusal, Report, unless
from .versions import LINES, line_for

# Programs that start several others, and where builds put what they make.
_SEVERAL = re.compile(r"(?:node node_modules/\.bin/)?(?:concurrently|supervisord|foreman|honcho|s6-svscan|circusd)\b")
_BUILT = re.compile(r"(?:\S*/)?(?:dist|build|out|output|lib|\.next|\.output|node_modules)(?:/|$)")
_FOLDER = re.compile(r"/?[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*")
_SYSTEM = re.compile(r"/?(?:app|tmp|proc|sys|dev|etc|usr|bin|lib)|(?:.*/)?\.\.?(?:/.*)?")
ARTEFACTS = ("go", "rust", "java")  # what is started is what the build makes, not a command


def settle(repository: Repository, report: Report, language: str) -> None:
    """Bring version, start command, port and health path into the form in which the template asks for them."""
    _version(report, language)
    _start(repository, report, language)
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


def _start(repository: Repository, report: Report, language: str) -> None:
    start = report.facts.get("start_command")
    if start is None:
        return
    if language == "node":
        found = node_start.resolved(str(start.value), repository)
        if found:
            start = replace(start, value=found[0], note=f"{start.value}, in {found[1]}:{found[2]}", certainty="derived")
            if re.search(r"[;&|]", found[0]):
                start = replace(start, certainty="guess", note="a shell does more there than start it")
        found = node_start.managed(str(start.value), repository)
        if found:
            start = replace(start, value=found[0], note=f"{start.value}, in {found[1]}", certainty="derived")
        elif re.match(r"(?:npm|pnpm|yarn|bun(?! (?:run )?\S+\.[cm]?[jt]sx?\b)) ", str(start.value)):
            start = replace(start, certainty="guess", note="the package manager is not in the image that runs")
        start = _by_node(_standalone(start, repository, report), report)
    elif language in ARTEFACTS:
        start = _arguments(start, report, language)
    elif language == "python":
        build = report.facts.get("build_command")
        if build and re.search(r"\b(?:npm|pnpm|yarn|bun|npx)\b", str(build.value)):
            note = "an image of Python has no Node, which builds a part of it"
            report.facts["build_command"] = replace(build, certainty="guess", note=note)
        start = _installed(_on_every_address(_called(start, repository), repository), repository)
    if language in ("python", "node"):
        start = _there(start, repository)
    report.facts["start_command"] = start


def _there(start: Finding, repository: Repository) -> Finding:
    """A file that only their image has, where it was copied to, is not where an image of ours has it."""
    words = shlex.split(str(start.value))
    file = words[1] if len(words) > 1 and words[0] in ("node", "python", "python3") else words[0] if words else ""
    path = file.removeprefix("./").rstrip("/")
    if _SEVERAL.match(" ".join(words)) or any("&&" in word for word in words):
        return replace(start, certainty="guess", note="it starts several programs, and a container has one")
    if words[:1] == [file] and "/" not in file and not file.endswith(".sh"):
        return start  # a program
    if file.startswith("-") or _BUILT.match(path):
        return start
    there = any(
        repository.has(f"{path}{ending}") for ending in ("", ".js", ".mjs", ".cjs", "/index.js", "/__main__.py")
    )
    if there and not file.endswith(".sh"):
        return start
    return replace(start, certainty="guess", note=f"{file} is no file of the repository's, or one for a shell")


def _by_node(start: Finding, report: Report) -> Finding:
    """The image that runs has no program but Node: what a package brings along is a file for it."""
    program, _, rest = str(start.value).partition(" ")
    manager = report.value("manager")
    if program == "node" and manager == "bun":  # whose image has no Node
        return replace(start, value=f"bun {rest}", certainty=unless(start.certainty == "guess"))
    if program in ("node", manager) or not re.fullmatch(r"[\w.-]+", program):
        return start
    # pnpm puts shell scripts there, which Node can't read.
    note = "" if manager in ("npm", "yarn", "yarn-classic") else "which of its files Node must run is not certain"
    return replace(
        start,
        value=f"node node_modules/.bin/{program} {rest}".rstrip(),
        certainty=unless(note or start.certainty == "guess"),
        note=note or start.note,
    )


def _called(start: Finding, repository: Repository) -> Finding:
    """A script that the project itself declares is not installed with its dependencies: it is the function it names."""
    program, _, rest = str(start.value).partition(" ")
    module, mark, function = python.scripts(repository).get(program, ("", "", 0))[0].partition(":")
    if not mark or not re.fullmatch(r"[\w.]+:[\w.]+", f"{module}:{function}"):
        return start
    value = f"python -c 'import {module}; {module}.{function}()' {rest}".rstrip()
    return replace(
        start, value=value, certainty=unless(start.certainty == "guess"), note=f"{program}. {start.note}".strip()
    )


def _standalone(start: Finding, repository: Repository, report: Report) -> Finding:
    """Next's server of its own, which serves pages and pictures that lie beside it.

    https://nextjs.org/docs/app/api-reference/config/next-config-js/output
    """
    built = node_start.STANDALONE
    fixed = [one for one in report.others.get("start_command", []) if one.value == built]
    if fixed and start.value == "node server.js" and not repository.has("server.js"):
        start = replace(start, value=built, certainty="derived")
    build = report.facts.get("build_command")
    if start.value == built and build and "standalone" not in str(build.value):
        text = f"{build.value} && cp -r .next/static .next/standalone/.next/"
        text += " && cp -r public .next/standalone/" if repository.folder("public") else ""
        report.facts["build_command"] = replace(build, value=text, certainty="derived")
    return start


def _arguments(start: Finding, report: Report, language: str) -> Finding:
    """What is started is the artefact; of a command in a Dockerfile, the options and words behind it count.

    In an image of ours it is `service`, or `app.jar`; an empty command starts it without any.
    """
    words = shlex.split(str(start.value)) if start.value else []
    if language == "java":
        at = words.index("-jar") if "-jar" in words else -1
        options, words = (words[1:at], words[at + 2 :]) if at > 0 else ([], [])
        options = [word for word in options if "java.security.egd" not in word]
        words = ["java", *options, "-jar", "app.jar", *words] if options or words else []
    else:
        words = words if start.rank > Rank.PROCESS else words[1:]
        words = ["service", *words] if words else []
    report.facts.pop("subcommands", None)
    return replace(start, value=shlex.join(words), note=start.note if words else "the program itself")


def _on_every_address(start: Finding, repository: Repository) -> Finding:
    """Servers of Python listen on 127.0.0.1 unless told otherwise: the command that we give says so."""
    text = str(start.value)
    program = text.split(" ", maxsplit=1)[0]
    configured = repository.first("gunicorn.conf.py", "gunicorn_conf.py") or "--config" in text or " -c " in text
    if program == "uvicorn" and "--host" not in text and "--uds" not in text:
        text = text.replace("uvicorn", "uvicorn --host 0.0.0.0", 1)
    elif program == "fastapi" and "dev" not in text and "--host" not in text:
        return start  # `fastapi run` listens on all
    elif program == "gunicorn" and not re.search(r"--bind|(?:^|\s)-b", text) and not configured:
        text = text.replace("gunicorn", "gunicorn --bind 0.0.0.0:{port}", 1)
    else:
        return start
    certainty = "derived" if start.certainty == "stated" else start.certainty
    return replace(start, value=text, certainty=certainty, note=start.note or "and listens on every address")


def _installed(start: Finding, repository: Repository) -> Finding:
    """A server that only their Dockerfile installs is not there in an image that is made from the manifest."""
    program = str(start.value).split(" ")[0]
    servers = {"gunicorn", "uvicorn", "hypercorn", "daphne", "uwsgi", "waitress-serve", "granian"}
    package = {"waitress-serve": "waitress"}.get(program, program)
    needed = python.dependencies(repository)
    bundled = program == "uvicorn" and "fastapi" in needed and needed.extras["fastapi"]
    if program not in servers or not needed.places or package in needed or bundled:
        return start
    return replace(
        start, certainty="guess", note=f"{package} is not among the dependencies of its manifest: add it there"
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
    """Folders as the template takes them: absolute or below the service's, and none of the system's."""
    found = report.facts.pop("data_folders", None)
    values = [value.rstrip("/") for value in found.value if isinstance(value, str)] if found else []
    values = [value for value in values if _FOLDER.fullmatch(value) and not _SYSTEM.fullmatch(value)]
    if found and values:
        report.facts["data_folders"] = replace(found, value=values)


def _health(report: Report) -> None:
    """A path that may be another one is not taken: a probe of it would stop a service that works."""
    health = report.facts.get("health")
    if health is None:
        report.facts["health"] = Finding(
            "health", "tcp", "", 0, "derived", Rank.FRAMEWORK, "no path of its own was seen"
        )
    elif health.certainty == "guess":
        report.facts["health"] = replace(health, value="tcp", note=f"{health.value} is there: {health.note}")

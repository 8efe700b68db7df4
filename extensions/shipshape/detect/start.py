"""Turns what starts a service where it runs today into what starts it in an image of ours.

That image has no shell, no package manager, no process manager, and no script of the project's own.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

from . import node_start, part, python_manifest
from .files import Repository
from .finding import Finding, Rank, Report, unless
from .parse import json_object, mapping

# Programs that start several others, and where builds put what they make.
_SEVERAL = re.compile(r"(?:node node_modules/\.bin/)?(?:concurrently|supervisord|foreman|honcho|s6-svscan|circusd)\b")
_BUILT = re.compile(r"(?:\S*/)?(?:dist|build|out|output|lib|\.next|\.output|node_modules)(?:/|$)")
# Options of Java 8 with which no Java that is offered starts ("Unrecognized VM option"):
# https://docs.oracle.com/en/java/javase/17/docs/specs/man/java.html#removed-java-options
_REMOVED = re.compile(
    r"-XX:[+-]?(?:UseCGroupMemoryLimitForHeap|(?:Max)?PermSize|UseConcMarkSweepGC|CMS\w+"
    r"|UseParNewGC|AggressiveOpts|PrintGC(?:Date|Time)Stamps|UseGCLogFileRotation|NumberOfGCLogFiles|GCLogFileSize)"
)
_PACKAGES = {"nest": "@nestjs/cli", "tsc": "typescript", "babel-node": "@babel/node", "remix-serve": "@remix-run/serve"}
ARTEFACTS = ("go", "rust", "java")  # what is started is what the build makes, not a command


def start(repository: Repository, report: Report, language: str) -> None:
    """Settle the start command of a report, where there is one."""
    command = report.facts.get("start_command")
    copied = [one.value for one in report.others.pop("copied", [])]
    if command is None:
        return
    if language == "node":
        found = node_start.resolved(str(command.value), repository)
        if found:
            command = replace(
                command, value=found[0], note=f"{command.value}, in {found[1]}:{found[2]}", certainty="derived"
            )
            if re.search(r"[;&|]", found[0]):
                command = replace(command, certainty="guess", note="a shell does more there than start it")
        found = node_start.managed(str(command.value), repository)
        if found:
            command = replace(command, value=found[0], note=f"{command.value}, in {found[1]}", certainty="derived")
        elif re.match(r"(?:npm|pnpm|yarn|bun(?! (?:run )?\S+\.[cm]?[jt]sx?\b)) ", str(command.value)):
            command = replace(command, certainty="guess", note="the package manager is not in the image that runs")
        command = _by_node(_standalone(command, repository, report), repository, report)
    elif language in ARTEFACTS:
        part.name(command, repository, report, language)
        command = _arguments(command, report, language)
    elif language == "python":
        build = report.facts.get("build_command")
        if build and re.search(r"\b(?:npm|pnpm|yarn|bun|npx)\b", str(build.value)):
            note = "an image of Python has no Node, which builds a part of it"
            report.facts["build_command"] = replace(build, certainty="guess", note=note)
        command = _installed(_on_every_address(_called(command, repository), repository), repository)
    if language in ("python", "node"):
        command = _there(_made(command, repository, copied), repository)
    report.facts["start_command"] = command


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quote that is left open
        return text.split()


def _made(start: Finding, repository: Repository, copied: list[tuple[str, str]]) -> Finding:
    """What a build makes lies in our image where the build puts it, and in theirs where it was copied to."""
    words = _words(str(start.value))
    place = next((at for at, word in enumerate(words) if at and not word.startswith("-")), 0)
    path = words[place].removeprefix("./").rstrip("/") if words[:1] == ["node"] and place else ""
    if place and words[place - 1] in ("-r", "--require", "--import", "--loader"):  # it is what the option is about
        return start
    if not path or _BUILT.match(path) or any(repository.has(f"{path}{ending}") for ending in ("", ".js", "/index.js")):
        return start
    for source, target in sorted(copied, key=lambda pair: pair[1] == "."):
        below = path if target == "." else path.removeprefix(target).lstrip("/")
        inside = target in (".", path) or path.startswith(f"{target}/")
        if inside and _BUILT.match(source) and "node_modules" not in source:
            value = shlex.join([*words[:place], f"{source}/{below}".rstrip("/"), *words[place + 1 :]])
            # Which file of a folder is started, says a package.json that the build may write.
            return replace(start, value=value, certainty=unless(not below), note=f"{path} in their image")
    return start


def _there(start: Finding, repository: Repository) -> Finding:
    """A file that only their image has, where it was copied to, is not where an image of ours has it."""
    words = _words(str(start.value))
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


def _by_node(start: Finding, repository: Repository, report: Report) -> Finding:
    """The image that runs has no program but Node: what a package brings along is a file for it."""
    program, _, rest = str(start.value).partition(" ")
    manager = report.value("manager")
    if program == "node" and manager == "bun":  # whose image has no Node
        return replace(start, value=f"bun {rest}", certainty=unless(start.certainty == "guess"))
    if program in ("node", manager) or not re.fullmatch(r"[\w.-]+", program):
        return start
    # pnpm puts shell scripts there, which Node can't read.
    note = "" if manager in ("npm", "yarn", "yarn-classic") else "which of its files Node must run is not certain"
    package, name = json_object(repository, "package.json"), _PACKAGES.get(program, program)
    if name in mapping(package.get("devDependencies")) and name not in mapping(package.get("dependencies")):
        note = f"{name} is a development dependency, which the image that runs has not"
    return replace(
        start,
        value=f"node node_modules/.bin/{program} {rest}".rstrip(),
        certainty=unless(note or start.certainty == "guess"),
        note=note or start.note,
    )


def _called(start: Finding, repository: Repository) -> Finding:
    """A script that the project itself declares is not installed with its dependencies: it is the function it names."""
    program, _, rest = str(start.value).partition(" ")
    module, mark, function = python_manifest.scripts(repository).get(program, ("", "", 0))[0].partition(":")
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
    words = _words(str(start.value))
    if language == "java":
        at = words.index("-jar") if "-jar" in words else -1
        options, words = (words[1:at], words[at + 2 :]) if at > 0 else ([], [])
        options = [word for word in options if "java.security.egd" not in word and not _REMOVED.match(word)]
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
    needed = python_manifest.dependencies(repository)
    bundled = program == "uvicorn" and "fastapi" in needed and needed.extras["fastapi"]
    if program not in servers or not needed.places or package in needed or bundled:
        return start
    return replace(
        start, certainty="guess", note=f"{package} is not among the dependencies of its manifest: add it there"
    )

"""What stands against adopting a service, and what else its owner should know."""

from __future__ import annotations

import re

from .finding import Rank, Refusal, Report


def refuse(report: Report, language: str) -> None:
    """Move the findings that refuse a service to the report's refusals."""
    locks = report.facts.pop("two_locks", None)
    if locks:
        names = " and ".join(locks.value)
        message = f"{names} are there for one manifest: delete the one that is not used"
        report.refusals.append(Refusal("two_locks", message))
    loopback = report.facts.pop("loopback", None)
    start = report.facts.get("start_command")
    told = start and re.search(r"0\.0\.0\.0|\[::\]|(?<!\w)::(?!\w)", str(start.value))
    if loopback and not (told and loopback.rank > Rank.PROCESS):
        where = f"{loopback.place} has 127.0.0.1 or localhost"
        message = f"nothing outside of its container could reach it ({where}): let it listen on 0.0.0.0"
        report.refusals.append(Refusal("loopback", message))
    page = report.facts.pop("page", None)
    nothing = report.facts.pop("nothing_to_run", None)
    if nothing and page and not (start and start.rank <= Rank.PROCESS):
        message = (
            f"a page that {page.value} builds ({page.place}), and no server for it is here: add a Dockerfile with one"
        )
        report.refusals.append(Refusal("library", message))
        return
    if nothing and not (start and start.rank <= Rank.PROCESS) and language != "other":
        message = f"a library, with nothing to run: no main program and no start command in its {language} files"
        report.refusals.append(Refusal("library", message))
    unseen = start and start.certainty == "guess" and "no server is seen" in start.note and "port" not in report.facts
    if unseen and start and not report.refusals:
        message = (
            f"a library or a command: nothing in it is seen to listen ({start.value}). If it does, answer start_command"
        )
        report.refusals.append(Refusal("library", message))


def tell(report: Report) -> None:
    """One line for each thing that its owner should know before a decision."""
    place = {
        name: [f.place if f.value == f.path else f"{f.value} ({f.place})" for f in found]
        for name, found in report.others.items()
    }
    lines = {
        "before_start": "runs before it starts, which no deployment of ours does unasked: ",
        "system_library": "a library of the system is needed, and images are built without a distribution's packages: ",
        "packages": "its Dockerfile installs packages of the distribution, which an image of ours has not: ",
        "environment": "its Dockerfile sets these, and an image of ours does not: ",
        "native_module": "modules that are compiled when they are installed: ",
        "other_processes": "other processes, which are not adopted: ",
        "publisher": "workflows that push an image, which ship-ci.yml does from now on: one of the two should go: ",
        "not_there": "compiled into the program, and not there, so that its own Dockerfile must make it first: ",
        "install_script": "scripts that run when its dependencies are installed: ",
    }
    report.notes += [f"{text}{', '.join(place[name][:8])}" for name, text in lines.items() if place.get(name)]
    features = report.facts.pop("cargo_features", None)
    if features and features.value != "default":
        report.notes.append(f"built with features, which is not offered: {features.value} ({features.place})")
    branch = report.facts.pop("other_branch", None)
    if branch:
        report.notes.append(
            f"its branch is {branch.value}, and the pipeline starts from main: rename it to main on GitHub"
        )
    for fact in ("no_server", "no_lock", "development_command", "plain_jar", "source_to_install"):
        found = report.facts.pop(fact, None)
        if found and fact == "no_server" and not report.facts.get("start_command"):
            report.notes.append(f"{found.value} ({found.place})")
        elif found and fact == "no_lock":
            report.notes.append(f"no {found.value}: what is installed may change from one build to the next")
        elif found and fact == "development_command" and "start_command" not in report.facts:
            report.notes.append(f"a command for developers was not taken: {found.value} ({found.place})")
        elif found and fact == "plain_jar":
            report.notes.append(f"{found.note} ({found.place})")
    report.notes += [f"not read: {path}: {reason}" for path, reason in sorted(report.unread.items())[:20]]

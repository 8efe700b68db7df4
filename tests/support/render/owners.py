"""Which of the files of a service an update leaves alone, by the tables of a checkout of the template."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pathspec import GitIgnoreSpec
from shipshape.template import Template

from tests.support.render import render


def excluded(template: Template, answers: dict[str, Any]) -> GitIgnoreSpec:
    """What an update does not render: where a release had it as ours, the update deletes it.

    Of `answers` it needs the language, the service's name and the repository. Of code that its owner brought along,
    it is what each service has.
    """
    if answers.get("source") == "yours":
        return GitIgnoreSpec.from_lines(template.table("everyone")["theirs"])
    package = answers["service_name"].replace("-", "_")
    group = answers["repository"].split("/")[0].lower().replace("-", "_")
    row = template.table("languages")[answers["language"]]["theirs"]
    folder = f"io/github/{group}/{package}"
    lines = [line.replace("JAVA_FOLDER", folder).replace("PACKAGE", package) for line in row]
    return GitIgnoreSpec.from_lines(template.table("everyone")["theirs"] + lines)


def skipped(template: Template) -> GitIgnoreSpec:
    """What an update makes where it is missing, and leaves alone where it is, of a service alone in its repository."""
    lines = [
        line.replace("{{ folder | default('**/') }}", "").replace("{{ scripts | default('*') }}", "*")
        for line in template.entries()["_skip_if_exists"]
    ]
    return GitIgnoreSpec.from_lines(line for line in lines if "{" not in line)


def paths(project: Path) -> list[str]:
    return sorted(str(path.relative_to(project)) for path in project.rglob("*") if path.is_file())


def taken(release: Path, today: Path, services: Iterable[dict[str, Any]], scratch: Path) -> set[str]:
    """The files that were ours in a release, and that today's lists exclude from an update: it would delete them.

    https://github.com/copier-org/copier/issues/2135. `release` and `today` are checkouts of the template.
    """
    found = set()
    for number, answers in enumerate(services):
        before, now = excluded(Template(release), answers), excluded(Template(today), answers)
        names = paths(render(release, scratch / f"of-the-release-{number}", **answers))
        found |= {name for name in names if now.match_file(name) and not before.match_file(name)}
    return found

"""An update from a release to the working tree, of a service whose owner has edited every file."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from copier import run_copy, run_update

from tests.support.render import commit, git

EDIT = "# the owner's own line"
NEXT = "9999.0.0"


@dataclass(frozen=True)
class Release:
    """A version, the commit that stands for it, and the files that conflict by intent, each with the reason."""

    version: str
    commit: str
    conflicts: dict[str, str]


def read(path: Path) -> list[Release]:
    """The releases of a file; raises AssertionError where an entry is not as the file's head has it."""
    releases = []
    for entry in yaml.safe_load(path.read_text())["releases"]:
        release = Release(entry["version"], entry["commit"], entry.get("conflicts") or {})
        assert re.fullmatch(r"\d+\.\d+\.\d+", release.version), f"{release.version} is no version"
        assert re.fullmatch(r"[0-9a-f]{40}", release.commit), f"{release.version}: give the commit's 40 digits"
        assert all(release.conflicts.values()), f"{release.version}: a conflict without a reason"
        releases.append(release)
    return releases


@dataclass(frozen=True)
class Outcome:
    """What came of an update: the files in conflict, and those that lost the owner's line or are gone."""

    conflicts: set[str]
    lost: set[str]


def history(release: Release, repository: Path, tree: Path, folder: Path) -> Path:
    """A template in `folder` whose first version is the release's, and whose next one is `tree`."""
    folder.mkdir()
    unpack(repository, release.commit, folder)
    commit(folder, release.version, tag=f"v{release.version}")
    replace(folder, tree)
    commit(folder, "the working tree", tag=f"v{NEXT}")
    return folder


def update_from(release: Release, template: Path, project: Path, /, **answers: Any) -> Outcome:
    """Render the release, edit every file, and update to the next version."""
    version = f"v{release.version}"
    run_copy(str(template), project, data=answers, vcs_ref=version, defaults=True, quiet=True, unsafe=False)
    edited = edit_all(project)
    commit(project, "Start from the template, and make it ours")
    run_update(project, defaults=True, overwrite=True, quiet=True, unsafe=False)
    assert f"_commit: v{NEXT}\n" in (project / ".copier-answers.yml").read_text()
    conflicts = set(git(project, "diff", "--name-only", "--diff-filter=U").splitlines())
    lost = {name for name in edited if not (project / name).exists() or EDIT not in (project / name).read_text()}
    return Outcome(conflicts, lost)


def unpack(repository: Path, revision: str, folder: Path) -> None:
    """The template of a commit, which a shallow clone fetches; raises AssertionError where it is not to be had."""
    if subprocess.run(["git", "cat-file", "-e", revision], cwd=repository, capture_output=True, check=False).returncode:
        fetch = ["git", "fetch", "--quiet", "--depth=1", "--no-tags", "origin", revision]
        subprocess.run(fetch, cwd=repository, capture_output=True, check=False)
    files = ["git", "archive", revision, "copier.yml", "template"]
    archive = subprocess.run(files, cwd=repository, capture_output=True, check=False)
    assert archive.returncode == 0, f"{revision} is not in this clone: fetch all of its history"
    subprocess.run(["tar", "--extract", f"--directory={folder}"], input=archive.stdout, check=True)


def replace(template: Path, tree: Path) -> None:
    """Put another tree in the place of a repository's."""
    git(template, "rm", "-r", "--quiet", ".")
    subprocess.run(["cp", "--recursive", "--preserve=mode", f"{tree}/.", template], check=True)


def edit_all(project: Path) -> set[str]:
    """Add the owner's line at the end of each file, as owners do; returns the files."""
    edited = set()
    for path in filter(Path.is_file, sorted(project.rglob("*"))):
        if path.name != ".copier-answers.yml":
            path.write_text(path.read_text() + EDIT + "\n")
            edited.add(str(path.relative_to(project)))
    return edited

"""A folder that is one part of a larger build, whose lock file or settings lie above it, and such a build itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from . import compose, node, python, python_manifest, rust
from .files import Repository, git
from .finding import Finding, Rank, Refusal, Report
from .parse import at, line_of, toml, xml

_SETTINGS = ("settings.gradle", "settings.gradle.kts")


def above(repository: Repository) -> Refusal | None:
    """Why a folder is not adopted by itself: it is a member of the workspace of a folder above it.

    One that has a lock file of its own, or a Dockerfile that the workspace's Compose file builds there, stands alone.
    """
    folder = repository.root.resolve()
    top = git(repository.root, "rev-parse", "--show-toplevel")
    if not top or folder == Path(top.strip()).resolve():
        return None
    for parent in folder.parents:
        outer = Repository(parent)
        inner = folder.relative_to(parent).as_posix()
        found = _member(outer, inner, repository)
        alone = repository.has("Dockerfile") and inner in {context for context, _, _ in compose.builds(outer).values()}
        if found and not alone:
            kind, path, line, option = found
            shown = Path(repository.root, *[".."] * len(Path(inner).parts))
            message = (
                f"it is a member of the {kind} workspace of {parent.name} ({path}:{line}), and is built from there: "
                f"adopt that folder ({_normal(shown)}){option}"
            )
            return Refusal("workspace", message)
        if parent == Path(top.strip()).resolve():
            return None
    return None


def _normal(path: Path) -> str:
    """A path without `x/..`; as it is where that could mean another one."""
    parts: list[str] = []
    for part in path.parts:
        parts = parts[:-1] if part == ".." and parts and parts[-1] not in ("..", "/") else [*parts, part]
    return str(Path(*parts))


def _member(outer: Repository, inner: str, own: Repository) -> tuple[str, str, int, str] | None:
    """Which workspace lists a folder: its kind, the place, and how the member is named there."""
    if own.has("pyproject.toml") and not any(map(own.has, python.LOCKS)) and inner in python_manifest.members(outer):
        return "uv", "pyproject.toml", line_of(outer.text("pyproject.toml"), "tool.uv.workspace"), ""
    if own.has("package.json") and not any(map(own.has, node.LOCKS)) and inner in node.workspaces(outer):
        pnpm = outer.has("pnpm-workspace.yaml")
        path, word = ("pnpm-workspace.yaml", "packages") if pnpm else ("package.json", "workspaces")
        return "pnpm" if pnpm else "npm or yarn", path, line_of(outer.text(path), word), ""
    if own.has("Cargo.toml") and not own.has("Cargo.lock"):
        manifest = toml(outer, "Cargo.toml")
        name = next((one.name for one in rust.packages(outer, manifest) if one.folder == inner), "")
        if name and "workspace" in manifest:
            line = line_of(outer.text("Cargo.toml"), "workspace")
            return "Cargo", "Cargo.toml", line, f" with --data rust_package={name}"
    return _of_java(outer, inner, own)


def _of_java(outer: Repository, inner: str, own: Repository) -> tuple[str, str, int, str] | None:
    root, pom = xml(outer, "pom.xml"), xml(own, "pom.xml")
    if root is not None and pom is not None:
        listed = [(one.text or "").strip().rstrip("/") for one in root.findall("{*}modules/{*}module")]
        parent, name = pom.findtext("{*}parent/{*}artifactId"), root.findtext("{*}artifactId")
        if inner in listed and parent == name:
            return "Maven", "pom.xml", line_of(outer.text("pom.xml"), inner), f" with --data module={inner}"
    for path in [one for one in _SETTINGS if outer.has(one) and not any(map(own.has, _SETTINGS))]:
        text = outer.text(path) or ""
        match = re.search(rf"""["']:?{re.escape(inner.replace("/", ":"))}["']""", text)
        if match and own.first("build.gradle", "build.gradle.kts"):
            return "Gradle", path, text.count("\n", 0, match.start()) + 1, f" with --data module={inner}"
    return None


def find(repository: Repository) -> Iterator[Finding]:
    """The members of a uv workspace, as a finding."""
    members = python_manifest.members(repository)
    if members:
        line = line_of(repository.text("pyproject.toml"), "tool.uv.workspace")
        yield Finding("workspaces", members, "pyproject.toml", line, "stated", Rank.MANIFEST)


def settle(repository: Repository, report: Report, language: str) -> None:
    """What the image of a workspace needs: each member's manifest, and of uv, the members themselves."""
    members = report.value("workspaces", [])
    sources, start = report.facts.get("sources"), report.facts.get("start_command")
    if members and sources and sources.value != ["."]:
        name = "pyproject.toml" if language == "python" else "package.json"
        manifests = [f"{one}/{name}" for one in members if one.split("/")[0] in sources.value]
        report.facts["sources"] = replace(sources, value=[*sources.value, *manifests])
    build = report.facts.get("build_command")
    if language != "python" or not members or (build and "uv sync" in str(build.value)):
        return
    own = next((one for one in members if start and start.path.startswith(f"{one}/")), "")
    project = at(toml(repository, f"{own}/pyproject.toml"), "project", "name") if own else None
    command = "uv sync --locked --no-dev --no-editable --inexact" + (f" --package {project}" if project else "")
    place = f"{own}/pyproject.toml" if own else "pyproject.toml"
    value = f"{command} && {build.value}" if build else command
    report.facts["build_command"] = Finding(
        "build_command", value, place, 0, "derived", Rank.MANIFEST, "the members of its workspace"
    )

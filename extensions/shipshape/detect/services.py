"""Where in a repository the services are: at its root, or in folders below it."""

from __future__ import annotations

from . import compose, go, java, node, python, rust
from .container import every
from .files import Repository
from .parse import json_object, mapping

_MARKERS = {
    "python": python.MARKERS,
    "go": go.MARKERS,
    "java": java.MARKERS,
    "rust": rust.MARKERS,
    "node": node.MARKERS,
}
_FOLDERS = ("apps", "services", "packages", "cmd", "src", "backend", "server", "api")
_ASIDE = {
    "docs",
    "doc",
    "examples",
    "example",
    "test",
    "tests",
    "testdata",
    "e2e",
    "scripts",
    "tools",
    "infra",
    "deploy",
    "website",
    "site",
    "docker",
    "buildSrc",
    "migrations",
}


def languages(repository: Repository, folder: str = "") -> dict[str, str]:
    """The languages whose manifest lies in a folder, each with that manifest; the likeliest first.

    A package.json beside another language's manifest is a page's or a tool's more often than a service's: it is last.
    """
    base = f"{folder}/" if folder else ""
    found: dict[str, str] = {}
    for language, markers in _MARKERS.items():
        marker = repository.first(*(f"{base}{name}" for name in markers))
        if marker:
            found[language] = marker
    if not found and not every(repository):
        script = next((p for p in repository.below(f"{base}*.py") if not p.endswith("setup.py")), None)
        if script:
            found["python"] = script
    return found


def below(repository: Repository) -> list[str]:
    """The folders that hold a service of their own, where the root has none."""
    built = {context for context, _, _ in compose.builds(repository).values() if context != "."}
    if len(built) > 1:
        return sorted(folder for folder in built if repository.folder(folder))
    ending = compose.ending(repository)
    found: list[str] = []
    folders = {path.split("/")[0] for path in repository.paths if "/" in path}
    folders |= {
        "/".join(p.split("/")[:2]) for p in repository.paths if p.count("/") > 1 and p.split("/")[0] in _FOLDERS
    }
    for folder in sorted(folders):
        inner = any(one != folder and folder.startswith(f"{one}/") for one in found)
        if folder.split("/")[-1] in _ASIDE or folder.startswith(".") or inner or folder in ending:
            continue
        if languages(repository, folder) and (_manifest(repository, folder) or repository.has(f"{folder}/Dockerfile")):
            found.append(folder)
    return found


def only_tools(repository: Repository) -> bool:
    """Whether the root's only manifest is a package.json that starts nothing: of hooks, or of a page's tools."""
    if set(languages(repository)) != {"node"}:
        return False
    package = json_object(repository, "package.json")
    started = {"start", "start:prod", "build", "dev"} & set(mapping(package.get("scripts")))
    said = [name for name in ("dependencies", "workspaces", "main", "exports", "bin", "module") if package.get(name)]
    sources = repository.below("*.js", "*.mjs", "*.ts", "src/*")
    return not (said or started or sources or every(repository) or node.workspaces(repository))


def _manifest(repository: Repository, folder: str) -> bool:
    return any(repository.has(f"{folder}/{marker}") for markers in _MARKERS.values() for marker in markers)

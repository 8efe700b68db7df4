"""A Node service: manager, version, workspaces, and how it is built and started."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from . import node_source, node_start
from .files import Repository
from .finding import Finding, Rank
from .known import needs
from .parse import at, json_object, line_of, mapping, strings, yaml_mapping
from .versions import first_line, stated

MARKERS = ("package.json",)
LOCKS = {
    "pnpm-lock.yaml": "pnpm",
    "bun.lock": "bun",
    "bun.lockb": "bun",
    "yarn.lock": "yarn",
    "package-lock.json": "npm",
    "npm-shrinkwrap.json": "npm",
}
_NATIVE = ("bcrypt", "sqlite3", "better-sqlite3", "canvas", "argon2", "node-sass", "re2")


def find(repository: Repository) -> Iterator[Finding]:
    """The findings of a Node service, of which it is known that it is one."""
    package, text = json_object(repository, "package.json"), repository.text("package.json")
    yield from _manager(repository, package, text)
    yield from _versions(repository, package, text)
    scripts = {name: value for name, value in mapping(package.get("scripts")).items() if isinstance(value, str)}
    members = workspaces(repository)
    if members:
        yield Finding("workspaces", members, "package.json", line_of(text, "workspaces"), "stated", Rank.MANIFEST)
    for script, fact in (("build", "build_command"), ("test", "test_command"), ("lint", "lint_command")):
        if script in scripts and "no test specified" not in scripts[script]:
            line = line_of(text, "scripts", script)
            yield Finding(fact, f"{{run}} {script}", "package.json", line, "stated", Rank.MANIFEST)
    production = mapping(package.get("dependencies"))
    yield from _needs(production, text)
    yield from _needs_source(repository, package, text)
    yield from node_start.find(repository, package, members)
    yield from node_source.find(repository, package, members)


def workspaces(repository: Repository) -> list[str]:
    """The folders of the members of a workspace, as its root's manifest or pnpm's file lists them."""
    declared = json_object(repository, "package.json").get("workspaces")
    patterns = strings(declared) or strings(at(declared, "packages"))
    patterns += strings(yaml_mapping(repository, "pnpm-workspace.yaml").get("packages"))
    found = []
    for path in repository.named("package.json"):
        folder = path.removesuffix("/package.json")
        if path != "package.json" and any(member(folder, pattern) for pattern in patterns):
            found.append(folder)
    return found


def member(folder: str, pattern: str) -> bool:
    """Whether a pattern of a workspace takes a folder: `packages/*`."""
    pattern = pattern.removeprefix("./").rstrip("/")
    if pattern.startswith("!"):
        return False
    parts = [".*" if part == "**" else re.escape(part).replace(r"\*", "[^/]*") for part in pattern.split("/")]
    return bool(re.fullmatch("/".join(parts), folder))


def _manager(repository: Repository, package: dict[str, Any], text: str | None) -> Iterator[Finding]:
    said = package.get("packageManager")
    match = re.match(r"(npm|pnpm|yarn|bun)@(\d+)\.?(\S*?)(?:\+|$)", said) if isinstance(said, str) else None
    if match:
        name = "yarn-classic" if match[1] == "yarn" and match[2] == "1" else match[1]
        line = line_of(text, "packageManager")
        yield Finding("manager", name, "package.json", line, "stated", Rank.PROCESS)
        yield Finding(
            "manager_version", f"{match[2]}.{match[3]}".rstrip("."), "package.json", line, "stated", Rank.PROCESS
        )
    locks = {LOCKS[path]: path for path in reversed(LOCKS) if repository.has(path)}
    for name, path in locks.items():
        classic = name == "yarn" and not repository.has(".yarnrc.yml") and "__metadata" not in head(repository, path)
        yield Finding("manager", "yarn-classic" if classic else name, path, 0, "stated", Rank.MANIFEST)
    if len(locks) > 1 and not match:
        paths = list(locks.values())
        yield Finding("two_locks", paths, paths[1], 0, "stated", Rank.MANIFEST)
    if not locks:
        lock = {"pnpm": "pnpm-lock.yaml", "yarn": "yarn.lock", "bun": "bun.lock"}.get(
            match[1] if match else "", "package-lock.json"
        )
        yield Finding("no_lock", lock, "package.json", 0, "derived", Rank.MANIFEST)
        if not match:
            yield Finding("manager", "npm", "package.json", 0, "guess", Rank.FRAMEWORK, "no lock file says which one")


def head(repository: Repository, path: str) -> str:
    """The first kilobyte of a file, however large it is."""
    try:
        with (repository.root / path).open("rb") as file:
            return file.read(1024).decode(errors="replace")
    except OSError:
        return ""


def _versions(repository: Repository, package: dict[str, Any], text: str | None) -> Iterator[Finding]:
    for path in (".nvmrc", ".node-version"):
        version, line = first_line(repository, path)
        if version:
            yield stated("node", version, path, line, Rank.PROCESS)
    for keys in (("volta", "node"), ("engines", "node")):
        value = at(package, *keys)
        if isinstance(value, str):
            yield stated("node", value, "package.json", line_of(text, *keys), Rank.MANIFEST)


def _needs(production: dict[str, Any], text: str | None) -> Iterator[Finding]:
    def place(name: str) -> tuple[str, int] | None:
        return ("package.json", line_of(text, "dependencies", name)) if name in production else None

    yield from needs("node", place)
    for name in _NATIVE:
        if name in production:
            yield Finding(
                "native_module", name, "package.json", line_of(text, "dependencies", name), "stated", Rank.MANIFEST
            )


def _needs_source(repository: Repository, package: dict[str, Any], text: str | None) -> Iterator[Finding]:
    """Whether the dependencies can't be installed before the source is there."""
    for script in ("preinstall", "install", "postinstall", "prepare"):
        if script in mapping(package.get("scripts")):
            line = line_of(text, "scripts", script)
            yield Finding("install_script", script, "package.json", line, "stated", Rank.MANIFEST)
    for name, value in mapping(package.get("dependencies")).items():
        if isinstance(value, str) and value.startswith(("file:", "link:")):
            yield Finding("source_to_install", True, "package.json", line_of(text, name), "stated", Rank.MANIFEST)
    for folder in ("patches", "prisma"):
        if repository.folder(folder):
            path = next(path for path in repository.paths if path.startswith(f"{folder}/"))
            yield Finding("source_to_install", True, path, 0, "derived", Rank.MANIFEST, folder)

"""A Rust service: the package and the binary, the linker, and where it listens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import rust_source
from .files import Repository
from .finding import Finding, Rank, unless
from .known import needs
from .parse import at, line_of, mapping, strings, toml
from .versions import first_line, stated

MARKERS = ("Cargo.toml",)
_WEB = ("axum", "actix-web", "rocket", "warp", "poem", "tide", "hyper", "salvo", "tonic", "ntex", "gotham", "viz")


@dataclass
class Package:
    """A package with what it can run: binary name to the file that has its `main`."""

    name: str
    folder: str
    binaries: dict[str, str]
    default: str | None
    dependencies: set[str]


def find(repository: Repository) -> Iterator[Finding]:
    """The findings of a Rust service, of which it is known that it is one."""
    manifest = toml(repository, "Cargo.toml")
    if not manifest:
        return
    yield Finding("manager", "cargo", "Cargo.toml", 0, "stated", Rank.MANIFEST)
    if not repository.has("Cargo.lock"):
        yield Finding("no_lock", "Cargo.lock", "Cargo.toml", 0, "derived", Rank.MANIFEST)
    yield from _version(repository, manifest)
    found = [package for package in packages(repository, manifest) if package.binaries]
    if not found:
        yield Finding("nothing_to_run", True, "Cargo.toml", 0, "derived", Rank.SOURCE)
        return
    chosen, findings = _choose(repository, manifest, found)
    yield from findings
    yield from _linker(repository)
    yield from _needs(repository, chosen)
    yield from rust_source.find(repository, chosen.folder, chosen.dependencies)


def packages(repository: Repository, manifest: dict[str, Any]) -> list[Package]:
    """The packages of the manifest and of its workspace's members."""
    folders = [""] if "package" in manifest else []
    excluded = strings(at(manifest, "workspace", "exclude"))
    for pattern in strings(at(manifest, "workspace", "members")):
        clean = pattern.removeprefix("./").rstrip("/")
        paths = [f"{clean}/Cargo.toml"] if "*" not in clean else repository.below(f"{clean}/Cargo.toml")
        folders += [
            p.removesuffix("/Cargo.toml")
            for p in paths
            if repository.has(p) and p.removesuffix("/Cargo.toml") not in excluded
        ]
    return [package for folder in dict.fromkeys(folders) if (package := _package(repository, folder))]


def _package(repository: Repository, folder: str) -> Package | None:
    base = f"{folder}/" if folder else ""
    data = toml(repository, f"{base}Cargo.toml")
    name = at(data, "package", "name")
    if not isinstance(name, str):
        return None
    binaries: dict[str, str] = {}
    for entry in data.get("bin") or [] if isinstance(data.get("bin"), list) else []:
        if isinstance(at(entry, "name"), str):
            path = at(entry, "path")
            guessed = repository.first(f"{base}src/bin/{entry['name']}.rs", f"{base}src/main.rs") or ""
            binaries[entry["name"]] = f"{base}{path.removeprefix('./')}" if isinstance(path, str) else guessed
    if at(data, "package", "autobins") is not False:
        if repository.has(f"{base}src/main.rs") and f"{base}src/main.rs" not in binaries.values():
            binaries[name] = f"{base}src/main.rs"
        for path in repository.below(f"{base}src/bin/*.rs", f"{base}src/bin/*/main.rs"):
            if path not in binaries.values():
                binaries[path.removeprefix(f"{base}src/bin/").removesuffix(".rs").removesuffix("/main")] = path
    default = at(data, "package", "default-run")
    return Package(
        name, folder, binaries, default if isinstance(default, str) else None, set(mapping(data.get("dependencies")))
    )


def _choose(repository: Repository, manifest: dict[str, Any], found: list[Package]) -> tuple[Package, list[Finding]]:
    """The package that serves, and what says so."""
    first = strings(at(manifest, "workspace", "default-members"))
    serving = [p for p in found if p.dependencies & set(_WEB)]
    preferred = [p for p in found if p.folder in first] or [p for p in found if not p.folder] or serving or found
    chosen = preferred[0]
    path = f"{chosen.folder}/Cargo.toml" if chosen.folder else "Cargo.toml"
    text = repository.text(path)
    several = f"one of {len(found)} packages with a program: {', '.join(sorted(p.name for p in found)[:6])}"
    note = several if len(preferred) > 1 else ""
    line = line_of(text, "package", "name")
    findings = [Finding("rust_package", chosen.name, path, line, unless(note), Rank.MANIFEST, note)]
    names = list(chosen.binaries)
    usual = chosen.name if chosen.name in names else None
    binary = names[0] if len(names) == 1 else chosen.default or usual
    note = note if binary else f"one of {', '.join(sorted(names)[:6])}"
    binary = binary or names[0]
    place = (
        (path, line_of(text, "default-run")) if chosen.default == binary else (chosen.binaries.get(binary) or path, 0)
    )
    findings.append(Finding("rust_binary", binary, *place, unless(note), Rank.MANIFEST, note))
    findings.append(Finding("start_command", "", *place, unless(note), Rank.MANIFEST, "the program itself"))
    return chosen, findings


def _version(repository: Repository, manifest: dict[str, Any]) -> Iterator[Finding]:
    channel = at(toml(repository, "rust-toolchain.toml"), "toolchain", "channel")
    if isinstance(channel, str):
        line = line_of(repository.text("rust-toolchain.toml"), "channel")
        yield stated("rust", channel, "rust-toolchain.toml", line, Rank.PROCESS)
    if not (repository.text("rust-toolchain") or "").lstrip().startswith("["):
        version, number = first_line(repository, "rust-toolchain")
        if version:
            yield stated("rust", version, "rust-toolchain", number, Rank.PROCESS)
    for keys in (("package", "rust-version"), ("workspace", "package", "rust-version")):
        value = at(manifest, *keys)
        if isinstance(value, str):
            line = line_of(repository.text("Cargo.toml"), "rust-version")
            yield stated("rust", value, "Cargo.toml", line, Rank.MANIFEST)


def _linker(repository: Repository) -> Iterator[Finding]:
    path = repository.first(".cargo/config.toml", ".cargo/config")
    text = repository.text(path) if path else None
    lines = [line for line in (text or "").split("\n") if not line.strip().startswith("#")]
    linux = "\n".join(re.split(r"\[target\.[^\]]*(?:apple|windows)[^\]]*\][^\[]*", "\n".join(lines)))
    for name, pattern in (
        ("mold", r"\bmold\b"),
        ("lld", r"fuse-ld=lld|rust-lld|ld\.lld"),
        ("clang", r"linker\s*=\s*\"clang"),
    ):
        if path and re.search(pattern, linux):
            word = next(
                line
                for line in (text or "").split("\n")
                if re.search(pattern, line) and not line.strip().startswith("#")
            )
            line = (text or "").split("\n").index(word) + 1
            yield Finding("linker", name, path, line, "stated", Rank.CONFIG)
            return
    yield Finding("linker", "none", "Cargo.toml", 0, "derived", Rank.FRAMEWORK, "no other one is configured")


def _needs(repository: Repository, package: Package) -> Iterator[Finding]:
    path = f"{package.folder}/Cargo.toml" if package.folder else "Cargo.toml"
    text = repository.text(path) or ""
    used = package.dependencies
    yield from needs("rust", lambda crate: (path, line_of(text, "dependencies", crate)) if crate in used else None)
    if {"sqlx", "diesel", "sea-orm"} & package.dependencies:
        for service in ("postgres", "mysql"):
            if re.search(rf'"(?:sqlx-)?{service}', text):
                line = line_of(text, service)
                yield Finding("needs", service, path, line, "guess", Rank.MANIFEST, "a driver is installed")
    offline = next((p for p in repository.paths if p.startswith(".sqlx/") or p.endswith("sqlx-data.json")), None)
    if offline:
        yield Finding("sqlx_offline", True, offline, 0, "derived", Rank.MANIFEST)
    lock = repository.text("Cargo.lock") or ""
    for crate, library in (("openssl-sys", "libssl"), ("pq-sys", "libpq"), ("mysqlclient-sys", "libmariadb")):
        if f'name = "{crate}"' in lock and f'name = "{crate.replace("-sys", "-src")}"' not in lock:
            line = line_of(lock, f'"{crate}"'.strip('"'))
            yield Finding("system_library", library, "Cargo.lock", line, "derived", Rank.MANIFEST, crate)

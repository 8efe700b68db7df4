"""How a Node service is started: its scripts, its entry file, and frameworks that put their server at a fixed place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from . import node_source
from .command import Place, simplify
from .files import Repository
from .finding import Finding, Rank, unless
from .parse import at, json_object, line_of, mapping

# Programs that reload, compile or run several others: none is what a container starts, wherever it is installed.
_DEVELOPERS = {"nodemon", "ts-node-dev", "vite", "concurrently", "nest", "tsc", "webpack", "turbo", "nx", "lerna"}
_DEVELOPERS |= {"npm-run-all", "run-s", "run-p", "react-scripts", "ng"}
_PAGES = ("vite", "react-scripts", "@angular/cli", "@vue/cli-service", "parcel", "astro")
_SCRIPTS = ("start:prod", "start:production", "prod", "serve:prod", "start")
_CONFIGS = ("next.config.js", "next.config.mjs", "next.config.ts", "next.config.cjs")
STANDALONE = "node .next/standalone/server.js"
_Fixed = tuple[str, str, int]


def find(repository: Repository, package: dict[str, Any], members: list[str]) -> Iterator[Finding]:
    """The start command, of the first that is there: a framework, a script, `main`, a file that is often called so."""
    fixed = _framework(repository, package)
    if fixed:
        yield Finding("start_command", *fixed, "derived", Rank.MANIFEST)
        yield Finding("port", 3000, *fixed[1:], "derived", Rank.FRAMEWORK, "the framework's default")
        return
    scripts = [f for name in _SCRIPTS for f in _script(repository, package, name)]
    yield from scripts
    if any(one.fact == "start_command" for one in scripts):
        return
    found = _main(repository, package) or _entry(repository, package) or _member(repository, members)
    if found:
        yield found
    elif not scripts and not package.get("bin") and not package.get("workspaces"):
        yield Finding("nothing_to_run", True, "package.json", 0, "derived", Rank.SOURCE)
        needed = {**mapping(package.get("dependencies")), **mapping(package.get("devDependencies"))}
        tool = next((name for name in _PAGES if name in needed and at(package, "scripts", "build")), None)
        if tool and not package.get("exports"):
            line = line_of(repository.text("package.json"), tool)
            yield Finding("page", tool, "package.json", line, "derived", Rank.SOURCE)


def _script(repository: Repository, package: dict[str, Any], name: str) -> list[Finding]:
    command = at(package, "scripts", name)
    if not isinstance(command, str):
        return []
    line = line_of(repository.text("package.json"), "scripts", name)
    inner = resolved(f"npm run {name}", repository) or (command, "package.json", line)
    found = simplify(inner[0], Place(repository))
    programs = {words.split()[0] for words in (found.text, *found.before) if words}
    tools = {word for word in programs if word in mapping(package.get("devDependencies"))}
    if not found.words or found.development or tools or _DEVELOPERS & programs:
        return [Finding("development_command", command, "package.json", line, "stated", Rank.MANIFEST)]
    note = "" if found.whole else "a shell does more there than start it"
    findings = [Finding("start_command", found.text, *inner[1:], unless(note, "stated"), Rank.MANIFEST, note)]
    if found.port:
        findings.append(Finding("port", found.port, *inner[1:], "stated", Rank.MANIFEST))
    return findings + [Finding("before_start", b, *inner[1:], "stated", Rank.MANIFEST) for b in found.before]


def _main(repository: Repository, package: dict[str, Any]) -> Finding | None:
    main = package.get("main")
    if not isinstance(main, str):
        return None
    path = main.removeprefix("./")
    built = at(package, "scripts", "build") and re.match(r"(?:dist|build|out|lib)/", path)
    if not (repository.has(path) and node_source.listens(repository, path)) and not (
        built and node_source.entry(repository)
    ):
        return None
    line = line_of(repository.text("package.json"), "main")
    return Finding("start_command", f"node {path}", "package.json", line, "derived", Rank.MANIFEST)


def _entry(repository: Repository, package: dict[str, Any]) -> Finding | None:
    """The file that listens; of one in TypeScript, where the compiler puts it."""
    entry = node_source.entry(repository)
    if not entry:
        return None
    path, line = entry
    if path.endswith((".js", ".mjs", ".cjs")):
        return Finding("start_command", f"node {path}", path, line, "derived", Rank.SOURCE)
    nest = "@nestjs/core" in mapping(package.get("dependencies"))
    options = mapping(at(json_object(repository, "tsconfig.json"), "compilerOptions"))
    folder, root = options.get("outDir"), options.get("rootDir")
    folder = folder.removeprefix("./").rstrip("/") if isinstance(folder, str) else "dist"
    root = root.removeprefix("./").rstrip("/") if isinstance(root, str) else "src" if nest else None
    stem = path.rsplit(".", 1)[0]
    stem = stem.removeprefix(f"{root}/") if root else re.sub(r"^src/", "", stem)
    note = "" if root and options.get("outDir") else "where the compiler puts it is not certain"
    return Finding("start_command", f"node {folder}/{stem}.js", path, line, unless(note), Rank.SOURCE, note)


def _member(repository: Repository, members: list[str]) -> Finding | None:
    """Of a workspace, the member whose JavaScript listens."""
    entries = [there for one in members if (there := node_source.entry(repository, one))]
    entries = [(path, line) for path, line in entries if path.endswith((".js", ".mjs", ".cjs"))]
    if not entries:
        return None
    note = f"one of {len(entries)} members that listen" if len(entries) > 1 else ""
    return Finding("start_command", f"node {entries[0][0]}", *entries[0], unless(note), Rank.SOURCE, note)


def _framework(repository: Repository, package: dict[str, Any]) -> _Fixed | None:
    """What starts the server of a framework that puts it at a fixed place: command, file and line.

    https://nextjs.org/docs/app/api-reference/config/next-config-js/output, https://nitro.build/deploy/runtimes/node
    """
    text = repository.text("package.json")
    production = mapping(package.get("dependencies"))
    everything = {**production, **mapping(package.get("devDependencies"))}
    if "next" in production and not node_source.entry(repository):
        config = repository.first(*_CONFIGS)
        settings = repository.text(config) if config else None
        if config and re.search(r"""\boutput\s*[:=]\s*[^,}\n]*["']standalone["']""", settings or ""):
            return STANDALONE, config, line_of(settings, "standalone")
        command = "node node_modules/next/dist/bin/next start"
        return command, "package.json", line_of(text, "dependencies", "next")
    for name, command in (
        ("nuxt", "node .output/server/index.mjs"),
        ("nitropack", "node .output/server/index.mjs"),
        ("@sveltejs/adapter-node", "node build"),
    ):
        if name in everything:
            return command, "package.json", line_of(text, name)
    return None


def resolved(command: str, repository: Repository, folder: str = "", depth: int = 0) -> _Fixed | None:
    """What a command such as `npm start` runs: the script's own command, its file and line; None for another one.

    The image that runs has no package manager, so that a script's command is what is started.
    """
    match = re.fullmatch(r"(?:npm|pnpm|yarn|bun)(?: run)?(?: --silent| -s)? ([\w:.-]+)(?: --)?(.*)", command.strip())
    path = f"{folder}/package.json" if folder else "package.json"
    script = mapping(json_object(repository, path).get("scripts")).get(match[1]) if match else None
    if not match or not isinstance(script, str) or depth > 5:
        return None
    several = re.fullmatch(r"(?:npm-run-all|run-s)((?: [\w:.-]+)+)", script.strip())
    if several:  # one after the other: the last one is what goes on
        script = f"npm run {several[1].split()[-1]}"
    found = simplify(script, Place(repository))
    inner = resolved(found.text, repository, folder, depth + 1)
    if inner:
        return inner
    text = script if re.search(r"[;&|<>`]|\$\(", script) else found.text
    return f"{text}{match[2]}", path, line_of(repository.text(path), "scripts", match[1])


def managed(command: str, repository: Repository) -> _Fixed | None:
    """What pm2 would start, as its configuration says: one container needs no manager of processes.

    https://pm2.keymetrics.io/docs/usage/application-declaration/
    """
    match = re.match(r"pm2(?:-runtime)?(?: start)?(?: --?\S+)* (\S+)", command)
    if not match:
        return None
    path = match[1].removeprefix("./")
    if not re.search(r"\.(?:json|ya?ml)$|config\.[cm]?js$", path):
        return (f"node {path}", path, 0) if repository.has(path) else None
    text = repository.text(path) or ""
    scripts = re.findall(r"""["']?\bscript["']?\s*:\s*["']([\w./-]+\.[cm]?js)["']""", text)
    if len(scripts) != 1:
        return None
    return f"node {scripts[0].removeprefix('./')}", path, line_of(text, "script")

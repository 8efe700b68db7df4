"""How a Python service is started: its application object, and the servers that are installed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import django
from .files import Repository
from .finding import Finding, Rank, unless
from .python_source import FACTORIES, HEALTH, Module, modules

if TYPE_CHECKING:
    from .python_manifest import Dependencies

_NAMES = ("app", "application", "api", "server")
_STEMS = ("app", "index", "server", "main", "wsgi", "asgi", "__init__", "api", "run", "application")
_UNSEEN = "it can be run, but no server is seen in it"


@dataclass(frozen=True)
class App:
    """An application object, or the function that makes one; `kind` is asgi, wsgi or unknown."""

    module: Module
    name: str
    kind: str
    line: int
    made: bool = False

    @property
    def order(self) -> tuple[bool, bool, int, int, str]:
        """The likeliest first: by its own name, the name of its file, and how deep that is."""
        path = self.module.path
        return (
            self.name not in (*_NAMES, *FACTORIES),
            not _usual(path),
            path.count("/"),
            _stem(path),
            path,
        )


def find(
    repository: Repository,
    needed: Dependencies,
    scripts: dict[str, tuple[str, str, int]],
    aside: tuple[str, ...] = (),
) -> Iterator[Finding]:
    """Start, port and health path, by the application object, its framework and the servers that are installed.

    What lies below one of the folders `aside` is another's.
    """
    if repository.has("manage.py") and ("django" in needed or "django" in (repository.text("manage.py") or "")):
        yield from django.find(repository, needed)
        return
    read = [module for module in modules(repository) if not module.path.startswith(aside)]
    yield from _health(read)
    apps = [App(module, name, *value) for module in read for name, value in module.apps.items()]
    made = [App(module, name, *value, made=True) for module in read for name, value in module.factories.items()]
    app = min(apps or made, key=lambda one: one.order, default=None)
    for module in read:
        if not module.serves:
            continue
        line, port, loopback = module.serves
        if port:
            yield Finding("port", port, module.path, line, "derived", Rank.SOURCE)
        if loopback and not app:
            yield Finding("loopback", "its server", module.path, line, "stated", Rank.SOURCE)
    if app:
        several = len({(one.module.path, one.name) for one in apps}) > 1 and not _usual(app.module.path)
        yield from _served(repository, needed, app, "one of several applications" if several else "")
    else:
        yield from _run(repository, read, scripts)


def _run(repository: Repository, read: list[Module], scripts: dict[str, tuple[str, str, int]]) -> Iterator[Finding]:
    """How it is started without an application object: a module that serves, or one that can be run."""
    served = [module for module in read if module.serves]
    packages = repository.below("*/__main__.py", "src/*/__main__.py")
    guarded = [module for module in read if module.guarded and "/" not in module.path]
    if len(served) == 1 and served[0].serves:
        path, line = served[0].path, served[0].serves[0]
        module = path.removeprefix("src/").removesuffix("/__main__.py").replace("/", ".")
        command = f"python -m {module}" if path.endswith("/__main__.py") else f"python {path}"
        yield Finding("start_command", command, path, line, "derived", Rank.SOURCE)
    elif packages:
        package = packages[0].removeprefix("src/").split("/")[0]
        yield Finding("start_command", f"python -m {package}", packages[0], 0, "guess", Rank.SOURCE, _UNSEEN)
    elif len(scripts) == 1 or "start" in scripts:
        name = "start" if "start" in scripts else next(iter(scripts))
        yield Finding("start_command", name, *scripts[name][1:], "guess", Rank.MANIFEST, _UNSEEN)
    elif guarded:
        path = guarded[0].path
        yield Finding("start_command", f"python {path}", path, guarded[0].guarded, "guess", Rank.SOURCE, _UNSEEN)
    elif not repository.has("manage.py"):
        yield Finding("nothing_to_run", True, "", 0, "derived", Rank.SOURCE)


def _served(repository: Repository, needed: Dependencies, app: App, note: str) -> Iterator[Finding]:
    name, folder = imported(repository, app.module)
    path, line = app.module.path, app.line
    yield Finding("application", f"{name}:{app.name}", path, line, "stated", Rank.SOURCE)
    kind = app.kind
    if kind == "unknown":
        kind = "asgi" if {"fastapi", "starlette", "quart", "litestar"} & set(needed.places) else "wsgi"
    command = _command(needed, f"{name}:{app.name}", kind, folder, app.made)
    if command:
        yield Finding("start_command", command, path, line, unless(note), Rank.SOURCE, note)
        yield Finding("port", 8000, path, line, "derived", Rank.FRAMEWORK, "set by the command")
        return
    text = f"no server for production is among the dependencies: add {'uvicorn' if kind == 'asgi' else 'gunicorn'}"
    yield Finding("no_server", text, path, line, "derived", Rank.SOURCE)
    if app.module.serves and not app.module.serves[2]:
        yield Finding("start_command", f"python {path}", path, app.module.serves[0], "guess", Rank.SOURCE, text)


def _command(needed: Dependencies, target: str, kind: str, folder: str, made: bool) -> str | None:
    """The command of the server that is installed; `{port}` stands for the port, which is not known yet."""
    uvicorn = "uvicorn" in needed or ("fastapi" in needed and needed.extras["fastapi"] & {"standard", "all"})
    folder = "" if folder == "src" else folder  # where an image of ours looks, too
    within = {"gunicorn": f" --chdir {folder}", "uvicorn": f" --app-dir {folder}"} if folder else {}
    there, bound = within.get("gunicorn", ""), "--bind 0.0.0.0:{port}"
    called, factory = (f"'{target}()'", " --factory") if made else (target, "")
    # What can't import from a folder, or call a function, is not taken for one that must.
    plain = not folder and not made
    commands = [
        (kind == "wsgi" and "gunicorn" in needed, f"gunicorn {bound}{there} {called}"),
        (
            kind == "asgi" and "gunicorn" in needed and uvicorn and not made,
            f"gunicorn --worker-class uvicorn.workers.UvicornWorker {bound}{there} {target}",
        ),
        (
            kind == "asgi" and uvicorn,
            f"uvicorn --host 0.0.0.0 --port {{port}}{factory}{within.get('uvicorn', '')} {target}",
        ),
        (kind == "asgi" and "hypercorn" in needed and plain, f"hypercorn {bound} {target}"),
        (kind == "wsgi" and "waitress" in needed and plain, f"waitress-serve --listen=0.0.0.0:{{port}} {target}"),
    ]
    return next((command for fits, command in commands if fits), None)


def imported(repository: Repository, module: Module) -> tuple[str, str]:
    """The module's name, and the folder that it is imported from, where that is not the service's own.

    It is the folder where most of what it imports is found; else `src`, where that is no package itself.
    """
    folders = module.path.split("/")[:-1]
    found = {depth: _resolved(repository, folders[:depth], module) for depth in range(len(folders) + 1)}
    depth = max(found, key=lambda one: (found[one], -one))
    if not found[depth]:
        # From where its project is: the service's folder, or that of a workspace's member.
        projects = [at for at in range(len(folders) + 1) if repository.has("/".join([*folders[:at], "pyproject.toml"]))]
        depth = max(projects, default=0)
        base = "/".join([*folders[:depth], "src"])
        depth += folders[depth : depth + 1] == ["src"] and not repository.has(f"{base}/__init__.py")
    names = [*folders[depth:], module.path.rsplit("/", 1)[-1].removesuffix(".py")]
    if names[-1] == "__init__" and len(names) > 1:
        names.pop()
    return ".".join(names), "/".join(folders[:depth])


def _resolved(repository: Repository, folders: list[str], module: Module) -> int:
    """How many of a module's imports are found in a folder."""
    base = "".join(f"{folder}/" for folder in folders)
    return sum(1 for name in module.imports if repository.has(f"{base}{name}.py") or repository.folder(f"{base}{name}"))


def _health(read: list[Module]) -> Iterator[Finding]:
    for module in read:
        for route, line, own in module.routes:
            if HEALTH.match(route):
                note = "" if own else "the router that has it may stand below another path"
                yield Finding("health", route, module.path, line, unless(note), Rank.SOURCE, note)


def _usual(path: str) -> bool:
    return _stem(path) < len(_STEMS)


def _stem(path: str) -> int:
    stem = path.rsplit("/", 1)[-1].removesuffix(".py")
    return _STEMS.index(stem) if stem in _STEMS else len(_STEMS)

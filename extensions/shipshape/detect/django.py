"""A Django service: its WSGI or ASGI application, its static files and its health path."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .files import Repository
from .finding import Finding, Rank, unless
from .python_source import HEALTH, aside

if TYPE_CHECKING:
    from .python_manifest import Dependencies

_ROUTE = re.compile(r"""(?:re_)?path\(\s*r?["']\^?(/?[\w/-]+?/?)\$?["']""")
_SETTINGS = re.compile(r"(?:^|/)settings(?:/[\w/]+)?\.py$|settings/\w+\.py$")


def find(repository: Repository, needed: Dependencies) -> Iterator[Finding]:
    """Start, static files and health path, of the settings, the files that Django makes, and the servers installed."""
    settings = [p for p in repository.paths if _SETTINGS.search(p) and not aside(p)]
    modules: list[tuple[str, str, int, str]] = []  # application, file, line, kind
    for path in settings[:50]:
        for number, text in enumerate((repository.text(path) or "").split("\n"), 1):
            match = re.match(r"""\s*(WSGI|ASGI)_APPLICATION\s*(?::\s*str\s*)?=\s*["']([\w.]+)\.(\w+)["']""", text)
            if match:
                modules.append((f"{match[2]}:{match[3]}", path, number, match[1].lower()))
    for kind in ("wsgi", "asgi"):
        for path in repository.below(f"{kind}.py", f"*/{kind}.py", f"*/*/{kind}.py"):
            if not aside(path) and not any(one[3] == kind for one in modules):
                modules.append((f"{path.removesuffix('.py').replace('/', '.')}:application", path, 0, kind))
    texts = {path: repository.text(path) or "" for path in settings[:50]}
    static = next((path for path, text in texts.items() if "django.contrib.staticfiles" in text), None)
    if static and any(re.search(r"^\s*STATIC_ROOT\s*=", text, re.MULTILINE) for text in texts.values()):
        command = "python manage.py collectstatic --noinput"
        yield Finding("build_command", command, static, 0, "derived", Rank.SOURCE)
    asgi = "gunicorn" not in needed and {"uvicorn", "daphne", "hypercorn"} & set(needed.places)
    kind = "asgi" if asgi else "wsgi"
    chosen = sorted({(m, k) for m, _, _, k in modules if k == kind})
    if not chosen:
        return
    target, path, line, _ = next(one for one in modules if one[3] == kind)
    servers = {
        "gunicorn": f"gunicorn --bind 0.0.0.0:{{port}} {target}",
        "uvicorn": f"uvicorn --host 0.0.0.0 --port {{port}} {target}",
        "daphne": f"daphne -b 0.0.0.0 -p {{port}} {target}",
        "hypercorn": f"hypercorn --bind 0.0.0.0:{{port}} {target}",
        "waitress": f"waitress-serve --listen=0.0.0.0:{{port}} {target}",
    }
    server = next((name for name in servers if name in needed), None)
    yield Finding("application", target, path, line, "stated", Rank.SOURCE)
    if server:
        note = "one of several applications" if len(chosen) > 1 else ""
        yield Finding("start_command", servers[server], path, line, unless(note), Rank.SOURCE, note)
        yield Finding("port", 8000, path, line, "derived", Rank.FRAMEWORK, "set by the command")
    else:
        said = "no server for production is among the dependencies: add gunicorn"
        yield Finding("no_server", said, path, line, "derived", Rank.SOURCE)
    yield from _health(repository)


def _health(repository: Repository) -> Iterator[Finding]:
    for path in [p for p in repository.named("urls.py") if not aside(p)][:200]:
        folder = path.removesuffix("urls.py")
        first = repository.first(f"{folder}wsgi.py", f"{folder}asgi.py", f"{folder}settings.py")
        note = "" if first else "the list that has it may stand below another path"
        for number, line in enumerate((repository.text(path) or "").split("\n"), 1):
            for route in [] if line.strip().startswith("#") else _ROUTE.findall(line):
                if HEALTH.match(route):
                    health = f"/{route.lstrip('/')}"
                    yield Finding("health", health, path, number, unless(note), Rank.SOURCE, note)

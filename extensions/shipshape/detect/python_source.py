"""Where a Python service begins, found in its source by `ast`: the application object, the server, the port."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field

from .files import Repository

_ASGI = {"FastAPI", "Starlette", "Quart", "Litestar", "get_asgi_application", "BlackSheep"}
_WSGI = {"Flask", "Bottle", "get_wsgi_application", "APIFlask", "OpenAPI"}
FACTORIES = {"create_app", "make_app", "get_application", "get_app", "create_application"}
_ASIDE = {"tests", "test", "testing", "docs", "doc", "examples", "example", "scripts", "migrations", "alembic"}
_ASIDE |= {"site-packages", "benchmarks"}
_SERVING = {"uvicorn": 8000, "app": 5000, "waitress": 8080, "web": 8080, "application": None, "hypercorn": None}
_ROUTING = ("get", "route", "api_route", "add_url_rule", "add_api_route", "add_route")
_MOST = 3000
HEALTH = re.compile(r"^/?(healthz?|livez|readyz|health_check|health-check|healthcheck|ping|up|status/health)/?$")


@dataclass
class Module:
    """What one module holds: its application objects, how it is served when run, and the routes it has itself."""

    path: str
    apps: dict[str, tuple[str, int]] = field(default_factory=dict)  # name to kind and line
    factories: dict[str, tuple[str, int]] = field(default_factory=dict)
    serves: tuple[int, int | None, bool] | None = None  # line, port, loopback
    routes: list[tuple[str, int, bool]] = field(default_factory=list)  # path, line, on the application itself
    imports: set[str] = field(default_factory=set)
    guarded: int = 0  # the line of `if __name__ == "__main__"`


def parse(text: str) -> ast.Module | None:
    """A module's tree; None where it is not Python that this interpreter can read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def modules(repository: Repository) -> Iterator[Module]:
    """The modules that may hold an application or a server, shallow ones first; tests and the like are left out."""
    paths = [p for p in repository.paths if p.endswith(".py") and not aside(p)]
    for path in paths[:_MOST]:
        text = repository.text(path) or ""
        if not re.search(r"\bapp|FastAPI|Flask|Starlette|__main__|route|\.get\(|serve|\brun\(", text):
            continue
        tree = parse(text)
        try:
            if tree:
                yield _read(path, tree)
        except RecursionError:
            repository.unread[path] = "Python that is nested too deep to be read"


def aside(path: str) -> bool:
    """Whether a file is of tests, examples and the like."""
    *folders, name = path.split("/")
    return not _ASIDE.isdisjoint(folders) or name.startswith(("test_", "conftest"))


def _read(path: str, tree: ast.Module) -> Module:
    found = Module(path)
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            kind = _kind(node.value)
            for target in targets:
                if isinstance(target, ast.Name) and kind:
                    found.apps[target.id] = (kind, node.lineno)
        elif isinstance(node, ast.FunctionDef) and node.name in FACTORIES:
            kinds = [_kind(n) for n in ast.walk(node) if isinstance(n, ast.Call)]
            found.factories[node.name] = (next((k for k in kinds if k in ("asgi", "wsgi")), "unknown"), node.lineno)
        elif isinstance(node, ast.If) and "__name__" in ast.dump(node.test):
            found.guarded = node.lineno
        elif isinstance(node, ast.Import):
            found.imports.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.imports.add(node.module.split(".")[0])
    for inner in ast.walk(tree):
        if isinstance(inner, ast.Call):
            _call(found, inner)
    return found


def _call(found: Module, call: ast.Call) -> None:
    function = call.func
    options = {keyword.arg: keyword.value for keyword in call.keywords}
    # A function that was imported by its own name, such as Bottle's: run(host="0.0.0.0", port=8000).
    if (
        isinstance(function, ast.Name)
        and function.id in ("run", "serve", "run_app", "run_simple")
        and "port" in options
    ):
        loopback = _constant(options.get("host")) in ("127.0.0.1", "localhost")
        found.serves = (call.lineno, _fallback(options["port"]), loopback)
    if not isinstance(function, ast.Attribute):
        return
    owner = function.value.id if isinstance(function.value, ast.Name) else ""
    if function.attr in ("run", "run_app", "serve") and owner in _SERVING:
        host, port = _constant(options.get("host")), options.get("port")
        # uvicorn and Flask listen on 127.0.0.1 unless told otherwise.
        bare = "host" not in options and owner in ("uvicorn", "app")
        number = _fallback(port) if port else _SERVING[owner] if call.keywords or owner == "uvicorn" else None
        found.serves = (call.lineno, number, bare or host in ("127.0.0.1", "localhost"))
    elif function.attr in _ROUTING and call.args:
        route = _constant(call.args[0])
        if isinstance(route, str) and route.startswith("/") and len(route) < 100:
            found.routes.append((route, call.lineno, owner in ("app", "application")))


def _kind(call: ast.Call) -> str | None:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in _ASGI:
        return "asgi"
    if name in _WSGI:
        return "wsgi"
    return "unknown" if name in FACTORIES else None


def _constant(node: ast.expr | None) -> object:
    return node.value if isinstance(node, ast.Constant) else None


def _fallback(node: ast.expr | None) -> int | None:
    """The number that stands for a setting that is not set: `int(os.environ.get("PORT", 8000))`."""
    numbers = [str(n.value) for n in ast.walk(node) if isinstance(n, ast.Constant)] if node else []
    return next((int(one) for one in numbers if one.isdigit() and 1 < int(one) < 65536), None)

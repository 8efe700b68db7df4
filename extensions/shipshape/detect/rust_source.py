"""Where a Rust service listens, found in its source by patterns, and in its settings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .files import Repository
from .finding import Finding, Rank, unless
from .parse import at, line_of, toml, yaml_mapping

_PORTS = (
    re.compile(r"""(?:bind|serve|run|from_str|connect|new)\s*(?:::<\w+>)?\(\s*&?\(?\s*"([\w.\[\]:]*?):(\d{2,5})\""""),
    re.compile(r"""SocketAddr::from\(\(\[(\d+, ?\d+, ?\d+, ?\d+)\],\s*(\d{2,5})"""),
    re.compile(r"""(?:\.bind|\.run)\(\s*\(\s*(?:"([\w.]+)"|\[[\d, ]+\]|[\w:.()]+)\s*,\s*(\d{2,5})"""),
    re.compile(r"""()\bPORT"?\)?[^;\n]{0,80}?(?:unwrap_or\w*\(|else\s*\{)[^;\n\d]{0,40}"?(\d{2,5})"""),
    re.compile(r"""()(?:default_value(?:_t)?\s*=\s*|const\s+(?:DEFAULT_)?PORT\s*:\s*u16\s*=\s*)"?(\d{2,5})\b"""),
    re.compile(r"""()"0\.0\.0\.0:(\d{2,5})\""""),
)
_HEALTH = re.compile(
    r"""(?:\.route\(\s*|#\[get\(\s*|\.service\(\s*web::(?:resource|scope)\(\s*)"(/(?:healthz?|livez|readyz|health_check|health-check|healthcheck|ping|up))/?\""""
)


def find(repository: Repository, folder: str, dependencies: set[str]) -> Iterator[Finding]:
    """The findings of a package's source and of the service's settings."""
    base = f"{folder}/src/" if folder else "src/"
    sources = [p for p in repository.paths if p.startswith(base) and p.endswith(".rs")][:2000]
    for pattern in _PORTS:
        for path in sources:
            text = repository.text(path) or ""
            match = pattern.search(text)
            if match and 1024 < int(match[2]) < 65536:
                line = text.count("\n", 0, match.start()) + 1
                yield Finding("port", int(match[2]), path, line, "derived", Rank.SOURCE)
                if re.fullmatch(r"127\.0\.0\.1|localhost|127, ?0, ?0, ?1", match[1] or ""):
                    yield Finding("loopback", match[0], path, line, "stated", Rank.SOURCE)
    for path in sources:
        text = repository.text(path) or ""
        for match in _HEALTH.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            before = text[: match.start()]
            serving = re.search(r"HttpServer::new|TcpListener|axum::serve|Server::bind|rocket::build", text)
            own = serving and not re.search(r"\bnest\(|\bscope\(|\bmount\(", before)
            note = "" if own else "the router that has it may stand below another path"
            yield Finding("health", match[1], path, line, unless(not own), Rank.SOURCE, note)
    for path in repository.below(
        "configuration/*.yaml", "configuration/*.yml", "config/*.yaml", "config/*.yml", "config/*.toml", "Rocket.toml"
    ):
        settings = repository.text(path)
        data = toml(repository, path) if path.endswith(".toml") else yaml_mapping(repository, path)
        for keys in (
            ("application", "port"),
            ("application_port",),
            ("server", "port"),
            ("default", "port"),
            ("port",),
        ):
            value = at(data, *keys)
            if isinstance(value, int) and 0 < value < 65536:
                yield Finding("port", value, path, line_of(settings, *keys), "stated", Rank.CONFIG)
    if "rocket" in dependencies:
        yield Finding("port", 8000, "Cargo.toml", 0, "guess", Rank.FRAMEWORK, "Rocket's default")

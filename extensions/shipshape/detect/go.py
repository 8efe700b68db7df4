"""A Go service: its main package, whether it needs cgo, and where it listens."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .files import Repository
from .finding import Finding, Rank, unless
from .known import needs
from .versions import stated

MARKERS = ("go.mod",)
_NAMES = ("server", "api", "web", "app", "service", "httpd", "http")
_SERVES = re.compile(r"ListenAndServe|http\.Server\{|net\.Listen\(|grpc\.NewServer|(?:gin|echo|fiber|chi|mux)\.\w+\(")
_MOST = 5000
_CGO = (
    "github.com/mattn/go-sqlite3",
    "github.com/confluentinc/confluent-kafka-go",
    "gorm.io/driver/sqlite",
    "github.com/h2non/bimg",
    "gopkg.in/gographics/imagick",
    "github.com/mutecomm/go-sqlcipher",
    "github.com/tecbot/gorocksdb",
    "github.com/linxGnu/grocksdb",
)
_PORTS = (
    re.compile(
        r"""(?:ListenAndServe(?:TLS)?|net\.Listen|\.Run|\.Start|\.Listen)\(\s*(?:"tcp",\s*)?"([\w.\[\]-]*):(\d{2,5})\""""
    ),
    re.compile(r"""\bAddr:\s*"([\w.\[\]-]*):(\d{2,5})\""""),
    re.compile(
        r"""(?i)\b(?:flag|flags|fs|pflag)(?:\(\))?\.(?:String|Int|StringVar|IntVar|StringP|IntP)\([^)\n]{0,100}"[\w.-]{0,40}(?:addr|port|listen)[\w.-]{0,40}",\s*(?:"\w?",\s*)?"?([\w.\[\]-]*?:)?(\d{2,5})"?"""
    ),
    re.compile(
        r"""(?i)(?:SetDefault\(\s*"[\w.]{0,40}port"\s*,|\bport\s*(?::?=)|\bgetenv\w*\(\s*"\w*PORT",|\bdefault(?:Http)?Port\s*=|\blistenAddr\s*:?=|envDefault:)()\s*"?:?(\d{2,5})\b"?"""
    ),
)
_HEALTH = re.compile(
    r"""\b(\w+)\.(?:GET|Get|HandleFunc|Handle)\(\s*"(?:GET )?"""
    r"""(/(?:healthz?|livez|readyz|health_check|health-check|healthcheck|ping|up))/?\""""
)


def find(repository: Repository) -> Iterator[Finding]:
    """The findings of a Go service, of which it is known that it is one."""
    yield Finding("manager", "go", "go.mod", 0, "stated", Rank.MANIFEST)
    text = repository.text("go.mod") or ""
    for number, line in enumerate(text.split("\n"), 1):
        match = re.match(r"(?:toolchain go|go )(\d+\.\d+(?:\.\d+)?)", line)
        if match:
            yield stated("go", match[1], "go.mod", number, Rank.MANIFEST)
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if "// indirect" not in line]
    yield from needs("go", lambda m: next((("go.mod", n) for n, line in lines if re.search(rf"{m}[ /]", line)), None))
    sources = [p for p in repository.paths if p.endswith(".go") and not p.endswith("_test.go") and not _aside(p)][
        :_MOST
    ]
    yield from _cgo(repository, text, sources)
    yield from _embedded(repository, sources)
    mains = main_packages(repository, sources)
    yield from _main(repository, mains)
    yield from _port(repository, sources, mains)


def main_packages(repository: Repository, sources: list[str]) -> dict[str, tuple[str, int]]:
    """The folders that hold `package main` with a `func main()`, each with the place of that."""
    found: dict[str, tuple[str, int]] = {}
    for path in sources:
        text = repository.text(path) or ""
        match = re.search(r"^func main\(\)", text, re.MULTILINE)
        ignored = re.search(r"^//go:build (?:ignore|tools)|^// \+build (?:ignore|tools)", text, re.MULTILINE)
        if match and not ignored and re.search(r"^package main\b", text, re.MULTILINE):
            found.setdefault(path.rpartition("/")[0] or ".", (path, text.count("\n", 0, match.start()) + 1))
    # What lies below `internal` is a tool of the module's own, where there is another one.
    outer = {folder: place for folder, place in found.items() if "internal" not in folder.split("/")}
    return outer or found


def _aside(path: str) -> bool:
    folders = path.split("/")[:-1]
    return any(
        f.startswith(("_", "."))
        or f in ("testdata", "examples", "example", "tools", "hack", "scripts", "test", "tests", "mocks")
        for f in folders
    )


def _main(repository: Repository, mains: dict[str, tuple[str, int]]) -> Iterator[Finding]:
    if not mains:
        yield Finding("nothing_to_run", True, "go.mod", 0, "derived", Rank.SOURCE)
        return
    module = re.search(r"^module\s+(\S+)", repository.text("go.mod") or "", re.MULTILINE)
    name = re.sub(r"/v\d+$", "", module[1]).rsplit("/", 1)[-1] if module else ""
    serving = [f for f, (path, _) in mains.items() if _SERVES.search(repository.text(path) or "")]
    alone = list(mains) if len(mains) == 1 else serving if len(serving) == 1 else []
    choice = "." if "." in mains else next(iter(alone), None)
    note = ""
    if choice is None:
        likely = [f for f in mains if f.rsplit("/", 1)[-1] in (*_NAMES, name)]
        choice = likely[0] if likely else next(iter(mains))
        note = f"one of {len(mains)} main packages: {', '.join(sorted(mains)[:6])}"
    yield Finding("main_package", choice, *mains[choice], unless(note), Rank.SOURCE, note)
    commands = set()
    for path in [p for p in repository.paths if p.endswith(".go") and not _aside(p)][:_MOST]:
        text = repository.text(path) or ""
        if "spf13/cobra" in text or "urfave/cli" in text:
            commands |= set(re.findall(r"""(?:Use|Name):\s*"(serve|server|run|start|web|http)\b""", text))
    if commands:
        text = f"its program has commands: {', '.join(sorted(commands))}"
        yield Finding("subcommands", sorted(commands), *mains[choice], "stated", Rank.SOURCE, text)
        yield Finding("start_command", sorted(commands)[0], *mains[choice], "guess", Rank.SOURCE, text)
    else:
        yield Finding("start_command", "", *mains[choice], unless(note), Rank.SOURCE, "the program itself")


def _cgo(repository: Repository, manifest: str, sources: list[str]) -> Iterator[Finding]:
    for number, line in enumerate(manifest.split("\n"), 1):
        module = next((m for m in _CGO if m in line), None)
        if module and "// indirect" not in line:
            yield Finding("cgo", True, "go.mod", number, "derived", Rank.MANIFEST, module)
            return
    for path in sources:
        text = repository.text(path) or ""
        match = re.search(r'^import "C"', text, re.MULTILINE)
        if match:
            yield Finding("cgo", True, path, text.count("\n", 0, match.start()) + 1, "stated", Rank.SOURCE)
            return
    yield Finding("cgo", False, "go.mod", 0, "derived", Rank.MANIFEST, "no module that needs it")


def _embedded(repository: Repository, sources: list[str]) -> Iterator[Finding]:
    """What the compiler takes into the program and the repository has not: a build of pages makes it first."""
    for path in sources:
        folder = f"{path.rpartition('/')[0]}/".lstrip("/")
        for match in re.finditer(r"^//go:embed +(\S.*)$", repository.text(path) or "", re.MULTILINE):
            for pattern in match[1].replace('"', "").replace("`", "").split():
                literal = re.split(r"[*?\[]", f"{folder}{pattern.removeprefix('all:')}")[0]
                if not any(one.startswith(literal) for one in repository.paths):
                    line = (repository.text(path) or "").count("\n", 0, match.start()) + 1
                    yield Finding("not_there", literal.rstrip("/"), path, line, "stated", Rank.SOURCE)


def _port(repository: Repository, sources: list[str], mains: dict[str, tuple[str, int]]) -> Iterator[Finding]:
    for pattern in _PORTS:
        for path in sources:
            text = repository.text(path) or ""
            match = pattern.search(text)
            setting = pattern is _PORTS[-1]
            near = (path.rpartition("/")[0] or ".") in mains or re.search(r"config|setting|option|server|cmd", path)
            if match and (not setting or near) and (1024 if setting else 0) < int(match[2]) < 65536:
                host = (match[1] or "").rstrip(":")
                line = text.count("\n", 0, match.start()) + 1
                yield Finding("port", int(match[2]), path, line, "derived", Rank.SOURCE)
                if host in ("127.0.0.1", "localhost"):
                    yield Finding("loopback", match[0], path, line, "stated", Rank.SOURCE)
    for path in sources:
        text = repository.text(path) or ""
        for match in _HEALTH.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            grouped = re.search(
                rf"\b{match[1]}\b\s*:?=.*\.(?:Group|PathPrefix|Route|Subrouter)\(|func\(\s*{match[1]}\b", text
            )
            engine = re.search(rf"\b{match[1]}\s*:?=\s*(?:echo\.New|gin\.New|gin\.Default|fiber\.New)\(", text)
            own = ((path.rpartition("/")[0] or ".") in mains or engine) and not grouped
            note = "" if own else "the router that has it may stand below another path"
            yield Finding("health", match[2], path, line, "derived" if own else "guess", Rank.SOURCE, note)
        if re.search(r"\bgin\.(?:Default|New)\(", text) and re.search(r"\.Run\(\s*\)", text):
            yield Finding("port", 8080, path, 0, "derived", Rank.FRAMEWORK, "where Gin listens unless PORT is set")

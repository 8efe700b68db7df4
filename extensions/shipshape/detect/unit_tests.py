"""How Go, Rust and Java are tested, which every toolchain knows: a proposal, for tests may need what no build has."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .files import Repository
from .finding import Report
from .parse import toml

# Which files are tests, by their path or by a line in them.
_PATHS = {
    "go": re.compile(r"_test\.go$"),
    "rust": re.compile(r"\.rs$"),
    "java": re.compile(r"(?:^|/)src/test/.*\.(?:java|kt|groovy)$"),
}
_MARKS = {
    "go": re.compile(r"^func Test\w*\(", re.MULTILINE),
    "rust": re.compile(r"^\s*#\[(?:\w+::)?test\b", re.MULTILINE),
    "java": re.compile(r"@(?:Parameterized)?Test\b|extends Specification\b"),
}
# What says that a test asks a database, or starts containers: a setting that is read, not one that is set.
_NEEDS = re.compile(
    r"testcontainers|dockertest|sqlx::test\b"
    r"|(?:getenv|lookupenv|env::var|env!)\(\s*[\"'](?:\w*_)?(?:DATABASE|DB|POSTGRES|PG|MYSQL|REDIS|MONGO)\w*"
    r"|\b(?:connect|open|dial|newclient|parseurl)\w*\([^)\n]{0,80}[\"'](?:postgres(?:ql)?|pgx|mysql|redis|mongodb|amqp)\b",
    re.IGNORECASE,
)
# Tests that are built only when a tag is named: https://pkg.go.dev/cmd/go#hdr-Build_constraints.
_TAGGED = re.compile(r"^//go:build +(?!linux|unix|!)\w", re.MULTILINE)
_MOST = 2000


def propose(repository: Repository, report: Report, language: str) -> None:
    """A note with the command, and with what speaks against it, where tests are there and nothing says how they run.

    Their Dockerfile, while it stays, runs what it runs. The answer is not given unasked: a test without its database
    would fail in each build.
    """
    if language not in _PATHS or "test_command" in report.facts or repository.has("Dockerfile"):
        return
    found = list(_tests(repository, language))
    if not found:
        return
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    needing = next((place for place in (_needing(repository, one) for one in found) if place), None)
    if needing:
        against = f", but {needing} seems to need a service, which no build has: name those that need none"
    else:
        against = ", if none of them needs a database"
    report.notes.append(
        f"tests are there ({found[0]}{more}), and nothing runs them: answer --data "
        f"'test_command={_command(repository, report, language)}'{against}"
    )


def _tests(repository: Repository, language: str) -> Iterator[str]:
    for path in [one for one in repository.paths if _PATHS[language].search(one)][:_MOST]:
        text = repository.text(path) or ""
        if _MARKS[language].search(text) and not (language == "go" and _TAGGED.search(text)):
            yield path


def _needing(repository: Repository, path: str) -> str:
    text = repository.text(path) or ""
    match = _NEEDS.search(text)
    return f"{path}:{text.count(chr(10), 0, match.start()) + 1}" if match else ""


def _command(repository: Repository, report: Report, language: str) -> str:
    """As the image that builds has it: a wrapper is run by a shell, for its mode may be lost."""
    if language == "go":
        return "go test ./..."
    if language == "rust":
        return f"cargo test --locked{' --workspace' if 'workspace' in toml(repository, 'Cargo.toml') else ''}"
    wrapper, program = {"maven": ("mvnw", "mvn"), "gradle": ("gradlew", "gradle")}[report.value("manager", "maven")]
    return f"{f'sh {wrapper}' if repository.has(wrapper) else program} test"

"""What is found the same way for every language: its description, its place on GitHub, metrics, and what it needs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from . import python, python_manifest, requirements
from .files import Repository, git
from .finding import Finding, Rank
from .parse import at, json_object, line_of, toml, xml

# At the top of a repository, and of no use when the service runs; hidden ones are, too. A document is one if it is no
# code: a package may be called history.
_DOCUMENT = re.compile(
    r"(?i)^(?:readme|licen[sc]e|copying|notice|authors|contribut|changelog|changes|history|security|code_of_conduct|codeowners|todo)"
)
_NOISE = re.compile(
    r"(?i)^(?:\..*"
    r"|(?:.*\.)?(?:docker|container)file(?:[.-].*)?|(?:docker-)?compose.*\.ya?ml|makefile|justfile|taskfile.*|vagrantfile|jenkinsfile|procfile.*|heroku\.yml|fly\.toml|render\.ya?ml|app\.json|netlify\.toml|vercel\.json|renovate\.json"
    r"|tests?|testing|__tests__|spec|e2e|examples?|screenshots?|benchmarks?|coverage|cypress.*|playwright.*"
    r"|tox\.ini|noxfile\.py|pytest\.ini|conftest\.py|setup\.cfg|mkdocs\.ya?ml|mypy\.ini|ruff\.toml|codecov\.ya?ml|sonar-project\.properties|jest\.config\..*|vitest\.config\..*|eslint\.config\..*|prettier\.config\..*|commitlint\.config\..*|lerna\.json"
    r"|.*\.(?:md|rst|png|jpe?g|gif|svg|bat|cmd|ps1|postman_collection\.json|http)|ship\.mk|ship\.compose\.yaml)$"
)
# Folders that are another's business, if they are no package of the service: documents that `swag` writes are one.
_BESIDE = re.compile(
    r"(?i)^(?:docs?|documentation|deploy|deployments?|k8s|kubernetes|helm|charts?|terraform|infra|docker|copilot)$"
)
_PACKAGE = {"go": ".go", "python": "/__init__.py"}
_PORT = re.compile(r"""(?:[gG]etenv\(|LookupEnv\(|process\.env\.|environ(?:\.get)?[\[(]|env::var\()\s*["']?PORT\b""")
_USUAL = {"python": 8000, "node": 3000, "go": 8080, "rust": 8080, "java": 8080}
_METRICS = {
    "python": "prometheus|django_prometheus",
    "node": "prom-client|fastify-metrics|express-prom-bundle",
    "go": "client_golang|VictoriaMetrics/metrics",
    "rust": "prometheus",
}
_MANIFESTS = {
    "python": ("pyproject.toml", "requirements.txt", "Pipfile"),
    "node": ("package.json",),
    "go": ("go.mod",),
    "rust": ("Cargo.toml",),
    "java": ("pom.xml",),
}
_ENDINGS = {
    "python": (".py",),
    "node": (".js", ".ts", ".mjs"),
    "go": (".go",),
    "rust": (".rs",),
    "java": (".java", ".kt"),
}


def described(repository: Repository, language: str) -> Iterator[Finding]:
    """One sentence about the service, from its manifest, and its repository on GitHub, from Git's remote."""
    pom = xml(repository, "pom.xml") if repository.has("pom.xml") else None
    for path, value in (
        ("pyproject.toml", at(toml(repository, "pyproject.toml"), "project", "description")),
        ("pyproject.toml", at(toml(repository, "pyproject.toml"), "tool", "poetry", "description")),
        ("package.json", json_object(repository, "package.json").get("description")),
        ("Cargo.toml", at(toml(repository, "Cargo.toml"), "package", "description")),
        ("pom.xml", pom.findtext("{*}description") if pom is not None else None),
    ):
        text = " ".join(re.sub(r'["\\`$]', "", value).split()) if isinstance(value, str) else ""
        if repository.has(path) and path not in _MANIFESTS.get(language, (path,)):
            continue  # of tools beside the service
        if text and len(text) <= 200 and "](" not in text and "<" not in text:  # no badge
            line = line_of(repository.text(path), "description")
            yield Finding("service_description", text, path, line, "stated", Rank.MANIFEST)
    remote = (git(repository.root, "config", "--get", "remote.origin.url") or "").strip()
    match = re.search(r"github\.com[:/]([A-Za-z0-9][A-Za-z0-9_-]{0,38}/[A-Za-z0-9._-]{1,100}?)(?:\.git)?/?$", remote)
    if match:
        yield Finding("repository", match[1], ".git/config", 0, "stated", Rank.CONFIG)


def branched(repository: Repository) -> Iterator[Finding]:
    """Its branch, where none is called main: the pipeline starts from that one alone."""
    listed = git(repository.root, "branch", "--all", "--format=%(refname)") or ""
    branches = {re.sub(r"^refs/(?:heads|remotes/[^/]+)/", "", line) for line in listed.split()}
    head = (git(repository.root, "symbolic-ref", "--quiet", "refs/remotes/origin/HEAD") or "").strip()
    default = head.removeprefix("refs/remotes/origin/") or ("master" if "master" in branches else "")
    if default and "main" not in branches:
        yield Finding("other_branch", default, ".git/HEAD", 0, "stated", Rank.CONFIG)


def sampled(repository: Repository) -> Iterator[Finding]:
    """The port, and what is needed, in a sample of the settings."""
    samples = [
        p
        for p in repository.paths
        if "/" not in p
        and re.fullmatch(
            r"\.?env[.-](?:example|sample|dist|template|defaults?|production).*|example\.env|sample\.env", p
        )
    ]
    for path in samples:
        for number, line in enumerate((repository.text(path) or "").split("\n"), 1):
            port = re.match(r"\s*(?:export\s+)?(?:APP_|SERVER_|HTTP_)?PORT\s*=\s*[\"']?(\d{2,5})\b", line)
            if port and int(port[1]) < 65536:
                yield Finding("port", int(port[1]), path, number, "stated", Rank.CONFIG)
            need = re.match(
                r"\s*(?:export\s+)?\w+\s*=\s*[\"']?(postgres|mysql|redis|mongodb|amqp)\w*(?:\+\w+)?://", line
            )
            if need:
                name = {"amqp": "rabbitmq"}.get(need[1], need[1])
                yield Finding("needs", name, path, number, "stated", Rank.CONFIG)


def ported(repository: Repository, language: str) -> Iterator[Finding]:
    """Where the source listens at whatever port the setting PORT names, any port will do: the language's usual one."""
    for path in [p for p in repository.paths if p.endswith(_ENDINGS.get(language, ("\0",)))][:3000]:
        text = repository.text(path) or ""
        match = _PORT.search(text)
        if match and not re.search(r"(^|/)tests?/|_test\.|\.test\.|\.spec\.", path):
            line = text.count("\n", 0, match.start()) + 1
            note = "it listens where the setting PORT says"
            yield Finding("port", _USUAL[language], path, line, "derived", Rank.FRAMEWORK, note)
            return


def measured(repository: Repository, language: str) -> Iterator[Finding]:
    """The path of its metrics, where both the library and the path are seen."""
    if language == "java":
        for path in repository.named("pom.xml", "build.gradle", "build.gradle.kts"):
            line = line_of(repository.text(path), "micrometer-registry-prometheus")
            if line:
                yield Finding("metrics", "/actuator/prometheus", path, line, "derived", Rank.MANIFEST)
        return
    used = any(re.search(_METRICS[language], repository.text(p) or "") for p in _MANIFESTS.get(language, ()))
    for path in [p for p in repository.paths if used and p.endswith(_ENDINGS[language])][:3000]:
        text = repository.text(path) or ""
        match = re.search(r"""["'`](?:GET )?(/metrics)/?["'`]""", text)
        if match and not re.search(r"(^|/)tests?/|_test\.|\.test\.|\.spec\.", path):
            line = text.count("\n", 0, match.start()) + 1
            yield Finding("metrics", "/metrics", path, line, "derived", Rank.SOURCE)
            return


def _of_another_use(repository: Repository, name: str, language: str) -> bool:
    if _NOISE.match(name) or (name == "ship" and repository.has("ship/smoke.sh")):  # ours
        return True
    if _DOCUMENT.match(name):
        return repository.has(name) and not name.endswith(_ENDINGS.get(language, ()))
    ending = _PACKAGE.get(language)
    below = [path.removeprefix(name) for path in repository.paths if path.startswith(f"{name}/")] if ending else []
    return bool(_BESIDE.match(name)) and not any(path.count("/") == 1 and path.endswith(ending or "") for path in below)


def sources(repository: Repository, language: str) -> Iterator[Finding]:
    """What the image needs of the repository: all at its top that is not of another use; what it names is kept."""
    top = list(dict.fromkeys(path.split("/")[0] for path in repository.paths))
    named = at(toml(repository, "pyproject.toml"), "project", "readme")
    hidden = {".cargo", ".sqlx", ".mvn", ".yarn", ".yarnrc.yml", ".npmrc", ".pnpmfile.cjs", ".swcrc", ".babelrc"}
    kept = {named if isinstance(named, str) else ""} | hidden | ({"setup.cfg"} if language == "python" else set())
    value = sorted(name for name in top if name in kept or not _of_another_use(repository, name, language))
    listed = python_manifest.requirements(repository) if language == "python" else None
    if listed and not any(repository.has(lock) for lock in python.LOCKS):
        value = requirements.for_image(repository, listed, value)
    if any(not re.fullmatch(r"[^\s*?!#,=\[\]\\\"'$`{}]+", name) for name in value):
        yield Finding("sources", ["."], "", 0, "derived", Rank.SOURCE, "all of it, for a name that a list can't hold")
    elif value:
        yield Finding("sources", value, "", 0, "derived", Rank.SOURCE, "all at the top that is not of another use")

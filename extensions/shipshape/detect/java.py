"""A Java service: Maven or Gradle, its version, and the module that is started."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from . import java_settings
from .files import Repository
from .finding import Finding, Rank, unless
from .known import needs
from .parse import line_of, xml
from .versions import first_line, stated

MARKERS = ("pom.xml", "build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts")
_GRADLE = ("build.gradle", "build.gradle.kts")
_SETTINGS = ("settings.gradle", "settings.gradle.kts")
_MAIN = re.compile(
    r"static\s+(?:public\s+)?void\s+main\s*\(|public\s+static\s+void\s+main|^fun\s+main\s*\("
    r"|@SpringBootApplication|@QuarkusMain",
    re.MULTILINE,
)
_JAVA = (
    r"JavaLanguageVersion\.of\(\s*[\"']?(\d+)",
    r"jvmToolchain\(\s*(\d+)",
    r"(?:source|target)Compatibility\s*=?\s*(?:JavaVersion\.VERSION_)?[\"'(]*((?:1[._])?\d+)",
    r"options\.release(?:\.set\(|\s*=)\s*(\d+)",
)
_MOST = 5000


def find(repository: Repository) -> Iterator[Finding]:
    """The findings of a Java service, of which it is known that it is one."""
    maven, gradle = repository.has("pom.xml"), repository.first(*_GRADLE, *_SETTINGS)
    wrapped = {"maven": repository.has("mvnw"), "gradle": repository.has("gradlew")}
    if maven and gradle:
        decided = [name for name, there in wrapped.items() if there]
        name = decided[0] if len(decided) == 1 else _by_workflows(repository) or "maven"
        open_ = len(decided) != 1 and not _by_workflows(repository)
        path = "pom.xml" if name == "maven" else str(gradle)
        note = "files of Maven and of Gradle are there"
        yield Finding("manager", name, path, 0, unless(open_), Rank.MANIFEST, note)
    else:
        name, path = ("maven", "pom.xml") if maven else ("gradle", str(gradle))
        yield Finding("manager", name, path, 0, "stated", Rank.MANIFEST)
    yield Finding("start_command", "", path, 0, "derived", Rank.MANIFEST, "the jar itself")
    yield from _version_files(repository)
    yield from _maven_version(repository) if name == "maven" else _gradle_version(repository)
    module, findings = _module(repository, name)
    yield from findings
    yield from _needs(repository, name, module)
    yield from java_settings.find(repository, module, _manifest(repository, name, module))


def _version_files(repository: Repository) -> Iterator[Finding]:
    for number, line in enumerate((repository.text(".sdkmanrc") or "").split("\n"), 1):
        if line.startswith("java="):
            yield stated("java", line[5:], ".sdkmanrc", number, Rank.PROCESS)
    version, line_number = first_line(repository, ".java-version")
    if version:
        yield stated("java", version, ".java-version", line_number, Rank.PROCESS)
    for number, line in enumerate((repository.text("system.properties") or "").split("\n"), 1):
        match = re.match(r"\s*java\.runtime\.version\s*[=:]\s*(\S+)", line)
        if match:
            yield stated("java", match[1], "system.properties", number, Rank.PROCESS)


def _maven_version(repository: Repository) -> Iterator[Finding]:
    text = repository.text("pom.xml")
    root = xml(repository, "pom.xml")
    properties = _properties(root)
    for name in ("maven.compiler.release", "java.version", "maven.compiler.source", "maven.compiler.target"):
        value = _filled(properties.get(name, ""), properties)
        if re.fullmatch(r"(?:1\.)?\d+", value):
            yield stated("java", value, "pom.xml", line_of(text, f"<{name}>"[1:-1]), Rank.MANIFEST)
            return
    for plugin in root.iter() if root is not None else ():
        if _name(plugin) in ("release", "source") and re.fullmatch(
            r"(?:1\.)?\d+", _filled(plugin.text or "", properties)
        ):
            yield stated(
                "java", _filled(plugin.text or "", properties), "pom.xml", line_of(text, _name(plugin)), Rank.MANIFEST
            )
            return


def _gradle_version(repository: Repository) -> Iterator[Finding]:
    paths = [p for p in repository.named(*_GRADLE) if p.count("/") < 3]
    for path in [*paths, *repository.below("buildSrc/src/main/*/*.gradle", "buildSrc/src/main/*/*.gradle.kts")]:
        text = repository.text(path) or ""
        for pattern in _JAVA:
            match = re.search(pattern, text)
            if match:
                yield stated("java", match[1].replace("_", "."), path, _at(text, match), Rank.MANIFEST)
                return
    text = repository.text("gradle/libs.versions.toml") or ""
    match = re.search(r"""^(?:java|jdk|jvm)\w*\s*=\s*"(\d+)""", text, re.MULTILINE)
    if match:
        yield stated("java", match[1], "gradle/libs.versions.toml", _at(text, match), Rank.MANIFEST)


def _module(repository: Repository, name: str) -> tuple[str, list[Finding]]:
    """The module that has a main class and whose plugin makes a jar that runs: its folder, and what says so."""
    mains: dict[str, tuple[str, int]] = {}
    sources = [p for p in repository.paths if re.search(r"(^|/)src/main/(java|kotlin)/.*\.(java|kt)$", p)]
    sources += [p for p in repository.paths if re.match(r"src/.*\.java$", p) and "/test/" not in p and p not in sources]
    for path in sources[:_MOST]:
        text = repository.text(path) or ""
        match = _MAIN.search(text)
        if match:
            mains.setdefault(path.partition("src/")[0].rstrip("/") or ".", (path, _at(text, match)))
    quarkus = "io.quarkus" in (_manifest(repository, name, ".") or "")
    if not mains and quarkus:
        mains["."] = ("pom.xml" if name == "maven" else "build.gradle", 0)
    runnable = {m: place for m, place in mains.items() if _makes_a_jar(repository, name, m)}
    found = runnable or mains
    if not found:
        path = "pom.xml" if name == "maven" else ""
        return ".", [Finding("nothing_to_run", True, path, 0, "derived", Rank.SOURCE)]
    module = "." if "." in found else next(iter(found))
    several = len(found) > 1 and "." not in found
    note = f"one of {len(found)} modules with a main class: {', '.join(sorted(found)[:6])}" if several else ""
    findings = [Finding("module", module, *found[module], unless(note), Rank.SOURCE, note)]
    if not runnable:
        note = "no plugin is seen that makes a jar which runs by itself"
        findings.append(Finding("plain_jar", True, *found[module], "guess", Rank.SOURCE, note))
    return module, findings


_MAKES_A_JAR = re.compile(
    r"spring-?boot|quarkus|micronaut|shadow|shade|main-?class|assembly|application|jib", re.IGNORECASE
)


def _makes_a_jar(repository: Repository, name: str, module: str) -> bool:
    text = _manifest(repository, name, module) or ""
    return bool(_MAKES_A_JAR.search(text))


def _manifest(repository: Repository, name: str, module: str) -> str | None:
    folder = "" if module == "." else f"{module}/"
    path = f"{folder}pom.xml" if name == "maven" else repository.first(*(f"{folder}{one}" for one in _GRADLE))
    return repository.text(path) if path else None


def _needs(repository: Repository, name: str, module: str) -> Iterator[Finding]:
    folder = "" if module == "." else f"{module}/"
    path = f"{folder}pom.xml" if name == "maven" else repository.first(*(f"{folder}{one}" for one in _GRADLE)) or ""
    text = repository.text(path) or ""
    yield from needs("java", lambda driver: (path, line_of(text, driver)) if driver in text else None)


def _by_workflows(repository: Repository) -> str | None:
    texts = " ".join(
        repository.text(p) or "" for p in repository.below(".github/workflows/*.yml", ".github/workflows/*.yaml")
    )
    maven, gradle = re.search(r"\bmvnw?\b", texts), re.search(r"\bgradlew?\b", texts)
    if bool(maven) == bool(gradle):
        return None
    return "maven" if maven else "gradle"


def _properties(root: ElementTree.Element | None) -> dict[str, str]:
    found = root.find("{*}properties") if root is not None else None
    return {_name(one): (one.text or "").strip() for one in found} if found is not None else {}


def _filled(text: str, properties: dict[str, str]) -> str:
    return re.sub(r"\$\{([\w.-]+)\}", lambda match: properties.get(match[1], match[0]), text.strip())


def _name(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _at(text: str, match: re.Match[str]) -> int:
    return text.count("\n", 0, match.start()) + 1

"""What the manifests of a Python service say: what it needs in production, its scripts, the members of a workspace."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from .files import Repository
from .node import member
from .parse import at, line_of, mapping, strings, toml

_REQUIREMENTS = (
    "requirements.txt",
    "requirements.frozen.txt",
    "requirements-frozen.txt",
    "requirements/prod.txt",
    "requirements/production.txt",
    "requirements/base.txt",
)


@dataclass
class Dependencies:
    """Canonical names of what is installed in production, each with the place that says so, and its extras."""

    places: dict[str, tuple[str, int]] = field(default_factory=dict)
    extras: dict[str, set[str]] = field(default_factory=dict)

    def add(self, text: str, path: str, line: int) -> None:
        """Take note of a requirement as PEP 508 writes it; of another text, nothing."""
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            return
        name = canonicalize_name(requirement.name)
        self.places.setdefault(name, (path, line))
        self.extras.setdefault(name, set()).update(requirement.extras)

    def __contains__(self, name: str) -> bool:
        """Whether a library is installed."""
        return name in self.places


def dependencies(repository: Repository) -> Dependencies:
    """What the service needs in production, of all its manifests."""
    found = Dependencies()
    path = requirements(repository)
    if path:
        _requirements(repository, path, found)
    data, text = toml(repository, "pyproject.toml"), repository.text("pyproject.toml")
    # Of a workspace, each member's: they are installed together.
    folders = [f"{one}/" for one in members(repository)]
    for manifest in ("pyproject.toml", *(f"{folder}pyproject.toml" for folder in folders)):
        text = repository.text(manifest)
        for requirement in strings(at(toml(repository, manifest), "project", "dependencies")):
            line = line_of(text, "dependencies", re.split(r"[^\w.-]", requirement)[0])
            found.add(requirement, manifest, line)
    pipfile = toml(repository, "Pipfile")
    for path, table in (
        ("pyproject.toml", at(data, "tool", "poetry", "dependencies")),
        ("Pipfile", pipfile.get("packages")),
    ):
        for name, value in mapping(table).items():
            extras = ",".join(strings(at(value, "extras")))
            found.add(f"{name}[{extras}]" if extras else name, path, line_of(repository.text(path), name))
    if not found.places and repository.has("setup.py"):
        for name in re.findall(
            r"""["']([A-Za-z][\w.-]*)(?:\[[^\]"']*\])?\s*(?:[<>=~!][^"']*)?["']""", repository.text("setup.py") or ""
        ):
            found.add(name, "setup.py", line_of(repository.text("setup.py"), name))
    return found


def members(repository: Repository) -> list[str]:
    """The members of a uv workspace: https://docs.astral.sh/uv/concepts/projects/workspaces/."""
    table = at(toml(repository, "pyproject.toml"), "tool", "uv", "workspace")
    folders = [path.removesuffix("/pyproject.toml") for path in repository.named("pyproject.toml") if "/" in path]

    def listed(name: str, folder: str) -> bool:
        return any(member(folder, pattern) for pattern in strings(mapping(table).get(name)))

    return [folder for folder in folders if listed("members", folder) and not listed("exclude", folder)]


def requirements(repository: Repository) -> str | None:
    """The requirements file of production."""
    return repository.first(*_REQUIREMENTS)


def scripts(repository: Repository) -> dict[str, tuple[str, str, int]]:
    """The console scripts that the manifest declares: name to `module:function`, file and line."""
    data, text = toml(repository, "pyproject.toml"), repository.text("pyproject.toml")
    declared = {**mapping(at(data, "tool", "poetry", "scripts")), **mapping(at(data, "project", "scripts"))}
    return {
        name: (target, "pyproject.toml", line_of(text, "scripts", name))
        for name, target in declared.items()
        if isinstance(target, str)
    }


def _requirements(repository: Repository, path: str, found: Dependencies, depth: int = 0) -> None:
    folder = path.rpartition("/")[0]
    for number, line in enumerate((repository.text(path) or "").split("\n"), 1):
        included = re.match(r"\s*(?:-r|--requirement)[\s=]+(\S+)", line)
        if included and depth < 5:
            other = f"{folder}/{included[1]}" if folder else included[1].removeprefix("./")
            _requirements(repository, other, found, depth + 1)
        requirement = re.split(r"\s+#|\s+--|\s+\\$", line.strip())[0].removesuffix("\\").strip()
        if requirement and not requirement.startswith(("#", "-")):
            found.add(requirement, path, number)

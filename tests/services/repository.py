"""A repository of several services, made as its owner makes it: a copy for each, with an answers file of its own."""

from pathlib import Path
from typing import Any

from copier import run_copy, run_update
from shipshape.template import Answers

# Every registry, every orchestrator, every updater and every language is in one of them.
PAIRS: list[tuple[Answers, Answers]] = [
    (
        {"language": "python", "registry": "ghcr", "orchestrator": "compose"},
        {"language": "go", "registry": "private", "orchestrator": "compose", "shared_host": True},
    ),
    (
        {"language": "node", "registry": "dockerhub", "orchestrator": "kubernetes"},
        {"language": "web", "registry": "dockerhub", "orchestrator": "kubernetes", "calls": ["orders:3000"]},
    ),
    (
        {"language": "python", "registry": "ecr", "orchestrator": "kubernetes", "kubernetes_access": "eks"},
        {"language": "rust", "registry": "acr", "orchestrator": "kubernetes", "kubernetes_verification": "kyverno"},
    ),
    (
        {"language": "java", "registry": "ecr", "orchestrator": "ecs", "dependency_updates": "dependabot"},
        {
            "language": "node",
            "registry": "gar",
            "orchestrator": "ecs",
            "dependency_updates": "dependabot",
            "calls": ["orders:8080"],
            "called_by": ["orders"],
        },
    ),
]
# What the first copy makes beside what is its service's own: the owner's from then on.
ROOT_FILES = {
    "compose.yaml", "Makefile", "renovate.json",
    ".github/actionlint.yaml", ".github/ghalint.yaml", ".github/dependabot.yml",
}  # fmt: skip


def name_of_pair(pair: tuple[Answers, Answers]) -> str:
    return "+".join(f"{answers['language']}-{answers['registry']}-{answers['orchestrator']}" for answers in pair)


def answers_file(name: str) -> str:
    return f".copier-answers.{name}.yml"


def add(template: Path, folder: Path, name: str, **answers: Any) -> None:
    """Add the service NAME at services/NAME, and to compose.yaml what the message after the copy says."""
    data = {"service_path": f"services/{name}", "repository": "Octo-Org/Shop.Front", "image_namespace": "octo-org/shop"}
    run_copy(
        str(template), folder, data=data | answers, answers_file=answers_file(name),
        defaults=True, quiet=True, unsafe=False,
    )  # fmt: skip
    stack = folder / "compose.yaml"
    line = f"  - path: services/{name}/docker-compose.yml\n"
    if line not in stack.read_text():
        stack.write_text(stack.read_text() + line)


def update(repository: Path, name: str, **answers: Any) -> None:
    run_update(
        repository,
        data=answers,
        answers_file=answers_file(name),
        defaults=True,
        overwrite=True,
        quiet=True,
        unsafe=False,
    )


def files(repository: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(repository)): path.read_bytes()
        for path in repository.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(repository).parts
    }


def is_of(name: str, path: str) -> bool:
    """Whether a file is the service's own: in its folder, a workflow with its name, its answers."""
    return path.startswith((f"services/{name}/", f".github/workflows/{name}-")) or path == answers_file(name)

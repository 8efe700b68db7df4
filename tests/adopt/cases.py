"""Repositories with code of their owner's, in the style of real ones, and the answers with which each is adopted."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from shipshape.template import Answers

from tests.support.render import commit, render

REPOSITORIES = Path(__file__).parent / "repositories"
ALL = {"service_name": "orders-api", "repository": "Octo-Org/Orders.Shop", "source": "yours"}


@dataclass(frozen=True)
class Case:
    """A repository; what is answered; and why its image can't be built by these tests, empty where it is built."""

    name: str
    answers: Answers
    not_built: str = ""


CASES = [
    Case(
        "django-pip",
        {
            "language": "python", "manager": "pip", "language_version": "3.14", "orchestrator": "kubernetes",
            "start_command": "gunicorn --bind 0.0.0.0:8000 --worker-tmp-dir /tmp shop.wsgi:application",
            "build_command": "python manage.py collectstatic --noinput", "test_command": "python manage.py check",
            "sources": ["manage.py", "shop", "requirements.txt"], "health": "/ping/", "port": 8000,
            "kept": ["compose.yaml"],
        },
    ),
    Case(
        "flask-pipenv",
        {
            "language": "python", "manager": "pipenv", "language_version": "3.13", "orchestrator": "ecs",
            "start_command": "waitress-serve --port=5000 app:app", "sources": ["app.py"], "health": "/health",
            "port": 5000, "registry": "ecr", "json_logs": True, "kept": [],
        },
    ),
    Case(
        "starlette-poetry",
        {
            "language": "python", "manager": "poetry", "language_version": "3.14", "orchestrator": "compose",
            "start_command": "uvicorn --host 0.0.0.0 --port '8000' \"app.main:app\"", "sources": ["app"],
            "health": "/healthz", "port": 8000, "writable_folders": ["var"], "data_folders": ["uploads"], "kept": [],
        },
    ),
    Case(
        "asgi-pdm",
        {
            "language": "python", "manager": "pdm", "language_version": "3.14", "orchestrator": "compose",
            "start_command": "python -m orders", "sources": ["src"], "health": "tcp", "port": 8000, "kept": [],
        },
    ),
    Case(
        "uv-workspace",
        {
            "language": "python", "manager": "uv", "language_version": "3.14", "orchestrator": "kubernetes",
            "start_command": "python main.py", "build_command": "uv sync --locked --no-dev --no-editable --inexact",
            "lint_command": "python -c 'import iniconfig'", "kubernetes_exposure": "alb",
            "sources": ["main.py", "packages", "packages/greetings/pyproject.toml"], "health": "tcp", "port": 8000,
            "kept": [],
        },
    ),
    Case(
        "npm-typescript",
        {
            "language": "node", "manager": "npm", "language_version": "24", "orchestrator": "compose",
            "start_command": "node dist/main.js", "build_command": "npm run build",
            "sources": ["src", "tsconfig.json"], "health": "/health", "port": 3000, "kept": [],
        },
    ),
    Case(
        "pnpm",
        {
            "language": "node", "manager": "pnpm", "language_version": "26", "orchestrator": "ecs",
            "start_command": "node server.js", "test_command": "pnpm test", "sources": ["server.js"], "health": "/",
            "port": 3000, "deployment_strategy": "blue-green", "kept": [],
        },
    ),
    Case(
        "yarn-classic",
        {
            "language": "node", "manager": "yarn-classic", "language_version": "24", "orchestrator": "kubernetes",
            "start_command": "node server.js", "sources": ["."], "health": "tcp", "port": 3000,
            "kubernetes_exposure": "ingress", "dependency_updates": "dependabot", "kept": [],
        },
    ),
    Case(
        "yarn-workspace",
        {
            "language": "node", "manager": "yarn", "language_version": "24", "orchestrator": "compose",
            "start_command": "node packages/orders/server.js",
            "sources": ["packages", "packages/orders/package.json", "packages/greetings/package.json", ".yarnrc.yml"],
            "health": "tcp", "port": 3000, "kept": [],
        },
    ),
    Case(
        "bun",
        {
            "language": "node", "manager": "bun", "language_version": "24", "orchestrator": "compose",
            "start_command": "bun server.js", "sources": ["server.js"], "health": "/", "port": 3000, "kept": [],
        },
    ),
    Case(
        "go-two-mains",
        {
            "language": "go", "manager": "go", "orchestrator": "kubernetes", "main_package": "cmd/api",
            "sources": ["go.mod", "cmd", "templates"], "health": "/healthz", "metrics": "/metrics", "port": 8080,
            "lint_command": "go vet ./...", "test_command": "go test ./...", "kept": [],
        },
    ),
    Case(
        "go-cgo",
        {
            "language": "go", "manager": "go", "orchestrator": "ecs", "cgo": True, "sources": ["go.mod", "main.go"],
            "health": "tcp", "port": 8080, "kept": [],
        },
    ),
    Case(
        "maven-modules",
        {
            "language": "java", "manager": "maven", "language_version": "17", "orchestrator": "compose",
            "module": "app", "sources": ["pom.xml", "library", "app"], "health": "tcp", "port": 8080, "kept": [],
        },
    ),
    # Its script looks for its settings beside itself, and is no program in a checkout on Windows.
    Case(
        "maven-wrapper",
        {
            "language": "java", "manager": "maven", "language_version": "17", "orchestrator": "compose",
            "sources": [".mvn", "mvnw", "pom.xml", "src"], "health": "tcp", "port": 8080, "kept": [],
        },
    ),
    Case(
        "gradle-wrapper",
        {
            "language": "java", "manager": "gradle", "language_version": "21", "orchestrator": "kubernetes",
            "module": "services/orders", "sources": ["gradlew", "gradle", "settings.gradle.kts", "services"],
            "health": "/actuator/health", "metrics": "/actuator/prometheus", "port": 8080,
            "test_command": "sh gradlew test", "kept": [],
        },
        not_built="Gradle is on no registry that these tests reach",
    ),
    Case(
        "cargo-workspace",
        {
            "language": "rust", "manager": "cargo", "orchestrator": "kubernetes", "rust_package": "orders-api",
            "rust_binary": "orders", "linker": "clang",
            "sources": ["Cargo.toml", "Cargo.lock", ".cargo", "crates", "configuration"],
            "health": "/", "port": 8080, "data_folders": ["/var/lib/orders"], "kept": [],
        },
    ),
    Case(
        "dockerfile-only",
        {
            "language": "other", "manager": "none", "orchestrator": "compose", "health": "tcp", "port": 9000,
            "kept": ["Dockerfile", ".dockerignore"],
        },
    ),
]  # fmt: skip
NAMES = [case.name for case in CASES]


def copied(case: Case, folder: Path) -> Path:
    """The repository as its owner has it: committed, with nothing of ours."""
    shutil.copytree(REPOSITORIES / case.name, folder)
    commit(folder, "As it was")
    return folder


def adopted(case: Case, template: Path, folder: Path) -> Path:
    """And with what the template adds, not committed yet."""
    return render(template, copied(case, folder), **ALL | case.answers)

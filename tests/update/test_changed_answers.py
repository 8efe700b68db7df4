"""`copier update --data ANSWER=…`: every answer, one by one or beside some that have nothing to do with it.

What is ours is then as a new service has it, what is theirs is as they left it, nothing of ours is left over, and one
message names what is theirs and does not know the new answer. https://github.com/copier-org/copier/issues/1725 and 461
"""

import io
import re
from collections.abc import Iterable, Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from copier import run_update
from pathspec import GitIgnoreSpec

from tests.support.expectations import expected, rows
from tests.support.render import ORDERS, TEMPLATE, commit, git, render
from tests.support.render.owners import excluded, skipped

Answers = dict[str, Any]
Files = dict[str, bytes]
ANSWERS = ".copier-answers.yml"
# What runs is named by the one, and the source by both: worth a word, whatever the files.
NAMES = {"service_name", "repository"}
# A file of ours that the owner does without: https://github.com/copier-org/copier/issues/1718
DELETED = ".gitattributes"
EDIT = b"# the owner's own line\n"
START: Answers = ORDERS | {
    question: entry["default"] for question, entry in TEMPLATE.questions().items() if question in TEMPLATE.choices()
} | {
    "license": "MIT", "kubernetes_access": "kubeconfig", "host_machine": "own", "database": "postgres",
    "language": "python", "dependency_updates": "renovate", "registry": "ghcr",
}  # fmt: skip


def other(*questions: str) -> Answers:
    return {question: expected("question", question)["other"] for question in questions}


# Each step changes answers, of a service that the step before has left.
SOURCE: list[Answers] = [
    {"database": "none"} | other("service_description"),
    {"language": "node"} | other("port"),
    {"database": "postgres"},
    {"cache": "valkey"},
    {"language": "go"} | other("repository"),
    {"database": "none"} | other("service_name"),
    {"language": "rust"},
    {"database": "postgres"},
    {"cache": "valkey"},
    {"language": "java"},
    {"cache": "none"},
    {"database": "none", "repository": "Elsewhere/Orders"},
    {"language": "web"},
    {"language": "python", "database": "none", "service_name": "orders"},
    {"database": "postgres", "language_version": "3.13"},
    {"language_version": "3.14"},
]
DEPLOYMENT: list[Answers] = [
    {"registry": "dockerhub", "license": "Apache-2.0", "dependency_updates": "dependabot"} | other("production_host"),
    {"cache": "valkey"},
    {"registry": "ecr", "license": "proprietary", "platforms": "linux/arm64", "orchestrator": "kubernetes"},
    {"kubernetes_access": "eks", "platforms": "linux/amd64,linux/arm64", "kubernetes_mesh": "istio-ambient"}
    | {"kubernetes_database": "cloudnative-pg"} | other("kubernetes_database_bucket")
    | other("aws_account_id", "aws_region", "kubernetes_namespace", "kubernetes_gateway", "kubernetes_proxy_namespace"),
    {"registry": "gar", "kubernetes_exposure": "ingress", "kubernetes_secrets": "external-secrets", "license": "MIT"},
    {"kubernetes_access": "kubeconfig", "deployment_strategy": "blue-green"}
    | other("google_project", "google_region", "kubernetes_ingress_class", "kubernetes_secret_store")
    | other("kubernetes_prometheus"),
    {"registry": "acr", "kubernetes_exposure": "alb", "kubernetes_verification": "kyverno", "kubernetes_mesh": "none"}
    | {"platforms": "linux/amd64"},
    {"kubernetes_database": "external"},
    {"kubernetes_monitoring": "none", "kubernetes_verification": "policy-controller", "kubernetes_secrets": "kubectl"}
    | other("azure_registry", "kubernetes_alb_subnets"),
    {"registry": "private", "kubernetes_exposure": "none", "kubernetes_monitoring": "prometheus-operator"}
    | {"kubernetes_mesh": "linkerd"}
    | {"kubernetes_verification": "none", "deployment_strategy": "rolling"},
    {"kubernetes_exposure": "gateway", "kubernetes_mesh": "none", "deployment_strategy": "canary"}
    | other("registry_host"),
    other("canary_steps", "canary_minutes", "canary_failed_percent", "canary_p95_seconds"),
    {"deployment_strategy": "blue-green"},
    {"orchestrator": "ecs", "ecs_database": "rds"},
    {"deployment_strategy": "blue-green", "dependency_updates": "renovate"}
    | other("fargate_cpu", "fargate_memory", "aws_production_account_id", "aws_production_region"),
    {"deployment_strategy": "canary"},
    {"registry": "ghcr", "deployment_strategy": "rolling", "ecs_database": "external"} | other("image_namespace"),
    {"orchestrator": "compose", "host_machine": "aws"},
    {"cache": "none"},
    {"host_machine": "own"},
    {"orchestrator": "lambda", "registry": "ecr", "lambda_events": "sqs"},
    {"lambda_exposure": "function-url", "lambda_events": "none", "lambda_database_access": "rds-proxy"},
    {"lambda_exposure": "http-api", "lambda_events": "sqs"} | other("lambda_provisioned_concurrency"),
    {"lambda_database_access": "direct"},
]  # fmt: skip
# The same of code that its owner brought along.
MINE: Answers = START | {"source": "yours", "manager": "pip", "database": "none"} | other("start_command")
YOURS: list[Answers] = [
    {"manager": "uv"} | other("build_command", "test_command", "lint_command", "sources"),
    {"manager": "poetry"} | other("health", "metrics", "json_logs"),
    {"manager": "pdm"} | other("writable_folders"),
    {"manager": "pipenv"} | other("data_folders", "kept"),
    {"manager": "pip"} | other("service_name"),
    {"language": "node", "manager": "npm", "start_command": "node server.js", "build_command": "npm run build"},
    {"manager": "pnpm"},
    {"manager": "yarn", "orchestrator": "kubernetes", "kubernetes_exposure": "none"},
    {"manager": "yarn-classic", "health": "tcp"},
    {"manager": "bun", "start_command": "bun server.js"},
    {"language": "java", "manager": "maven", "start_command": ""} | other("module"),
    {"manager": "gradle", "metrics": "", "data_folders": []},
    {"language": "go", "orchestrator": "ecs"} | other("main_package", "cgo"),
    {"cgo": False, "json_logs": False},
    {"language": "rust"} | other("rust_package", "rust_binary", "linker"),
    {"linker": "none", "orchestrator": "compose"},
    {"language": "other", "kept": ["Dockerfile", ".gitattributes"], "writable_folders": []},
]


def test_no_answer_is_left_out() -> None:
    """Each choice is taken in a step, the default as well, so that there is a way to it and back."""
    taken = {
        (question, str(answer)) for step in [MINE, *SOURCE, *DEPLOYMENT, *YOURS] for question, answer in step.items()
    }
    choices = {(question, choice) for question, table in TEMPLATE.choices().items() for choice in TEMPLATE.table(table)}
    assert choices - taken == set()
    # a service that moves is moved by Git first: tests/services
    of_several = {"service_path", "shared_host", "calls", "called_by"}
    assert rows("question").keys() - {question for question, _ in taken} == of_several


@dataclass(frozen=True)
class State:
    """A service's files, those of a new one with the same answers, and which of them are the owner's."""

    files: Files
    fresh: Files
    theirs: GitIgnoreSpec


@dataclass
class Service:
    """A service, and the answers that it has; `source` is what its source is named by."""

    template: Path
    project: Path
    scratch: Path
    answers: Answers
    source: dict[str, str] = field(default_factory=dict)
    steps: int = 0

    def __post_init__(self) -> None:
        self.source = self.names()
        render(self.template, self.project, **self.answers)
        self.answers |= self.stored()
        self.edit(files(self.project))
        (self.project / DELETED).unlink()
        (self.project / "compose.override.yml").write_text("services: {}\n")
        commit(self.project, "Start from the template, and make it ours")

    def stored(self) -> Answers:
        kept = yaml.safe_load((self.project / ANSWERS).read_text())
        return {name: answer for name, answer in kept.items() if name in TEMPLATE.questions()}

    def names(self) -> dict[str, str]:
        return {"name": self.answers["service_name"], "repository": self.answers["repository"]}

    def edit(self, names: Iterable[str]) -> None:
        """The owner's line in each file of theirs."""
        for name in filter(self.theirs().match_file, names):
            path = self.project / name
            path.write_bytes(path.read_bytes() + EDIT)

    def theirs(self) -> GitIgnoreSpec:
        """What an update leaves alone, as the tables say it."""
        excluding = excluded(TEMPLATE, self.answers | {"service_name": self.source["name"]} | self.source)
        return GitIgnoreSpec([*excluding.patterns, *skipped(TEMPLATE).patterns])

    def state(self) -> State:
        """As it is; what is new has the names of this one's source."""
        self.steps += 1
        folder = render(self.template, self.scratch / str(self.steps), **self.answers, kept_source=self.source)
        (folder / DELETED).unlink(missing_ok=True)  # which may be kept, and then is not rendered
        return State(files(self.project), files(folder), self.theirs())

    def update(self, step: Answers) -> str:
        """Change the answers; gives what Copier says at the end."""
        if "language" in step:
            self.answers |= step
            self.source = self.names()
        self.answers |= step
        with redirect_stderr(io.StringIO()) as said:
            run_update(self.project, data=step, defaults=True, overwrite=True, unsafe=False)
        stored = self.stored()
        assert {question: stored.get(question) for question in step} == step
        self.answers |= stored
        for question in self.answers.keys() - stored.keys() - START.keys():  # another language is not asked it
            del self.answers[question]
        return said.getvalue().partition("Your answers have changed.")[2].partition("A copy into an empty folder")[0]


def files(folder: Path) -> Files:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(folder).parts and path.name != ANSWERS
    }


def named(message: str) -> GitIgnoreSpec:
    """The paths in a message."""
    return GitIgnoreSpec.from_lines(f"/{word.rstrip('.:')}" for word in re.split(r"[\s,]+", message) if word)


@pytest.mark.parametrize(
    ("start", "steps"),
    [(START, SOURCE), (START, DEPLOYMENT), (MINE, YOURS)],
    ids=["source", "deployment", "yours"],
)
def test_a_changed_answer_reaches_what_is_ours_and_nothing_of_theirs(
    template: Path, tmp_path: Path, start: Answers, steps: list[Answers]
) -> None:
    service = Service(template, tmp_path / "orders-api", tmp_path, dict(start))
    before = service.state()
    for step in steps:
        message = service.update(step)
        after = service.state()
        assert list(problems(before, after)) == [], step
        assert git(service.project, "ls-files", "--unmerged") == ""
        assert sorted(name for name in unaware(before, after) if not named(message).match_file(name)) == [], message
        assert bool(message) == bool(unaware(before, after) | (step.keys() & NAMES)), message
        service.edit(after.files.keys() - before.files.keys())
        commit(service.project, "Update")
        before = State(files(service.project), after.fresh, after.theirs)


def problems(before: State, after: State) -> Iterator[str]:
    """What an update did wrong."""
    for name, content in after.fresh.items():
        if after.theirs.match_file(name) and name in before.files:
            continue
        if name not in after.files:
            yield f"{name} is missing"
        elif after.files[name] != content:
            yield f"{name} is not what a new service has"
    for name, content in before.files.items():
        if (name not in before.fresh or before.theirs.match_file(name)) and after.files.get(name) != content:
            yield f"{name} is the owner's, and was {'changed' if name in after.files else 'deleted'}"
    for name in after.files.keys() - after.fresh.keys():
        if name not in before.files or (name in before.fresh and not before.theirs.match_file(name)):
            yield f"{name} is left over"


def unaware(before: State, after: State) -> set[str]:
    """The owner's files that a new service would have otherwise, or not at all."""
    theirs = filter(before.theirs.match_file, before.fresh.keys() & after.files.keys())
    return {name for name in theirs if before.fresh[name] != after.fresh.get(name)}

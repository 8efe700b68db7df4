"""A repository that is adopted: what is its owner's stays, and what is ours fits to it."""

import json
import re
from pathlib import Path

import pytest
import yaml
from copier import run_copy

from tests.adopt.cases import ALL, CASES, NAMES, REPOSITORIES, Case, copied
from tests.support.render import git, render
from tests.support.run.linted import IsNew, shellcheck
from tests.support.tools import run

BY_NAME = {case.name: case for case in CASES}


def new(project: Path) -> list[str]:
    return git(project, "ls-files", "--others").splitlines()


def test_each_file_of_theirs_is_as_it_was(project: Path) -> None:
    assert git(project, "status", "--porcelain", "--untracked-files=no") == ""


def test_no_file_of_ours_is_ignored(project: Path) -> None:
    """But for the one that says that its folder is: many ignore `.cache` themselves."""
    ignored = git(project, "ls-files", "--others", "--ignored", "--exclude-standard").splitlines()
    assert set(ignored) <= {".cache/.gitignore"}


def test_nothing_of_a_starter_is_there(project: Path) -> None:
    names = set(new(project))
    assert not names & {
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        ".editorconfig",
        ".gitignore",
        "Makefile",
        ".python-version",
    }
    assert not [name for name in names if name.startswith(("src/", "tests/", "scripts/", ".vscode/"))]
    assert {"ship.mk", "deploy/README.md", ".secrets/.gitignore", ".cache/.gitignore"} <= names
    workflows = {name for name in names if name.startswith(".github/workflows/")}
    assert {Path(name).name for name in workflows} == {
        f"ship-{name}.yml" for name in ("build", "ci", "deploy", "rollback", "scan", "weekly")
    }


def test_secrets_are_ignored_whatever_their_own_rules_say(project: Path) -> None:
    (project / ".secrets/password").write_text("x")
    try:
        assert git(project, "check-ignore", ".secrets/password").strip() == ".secrets/password"
    finally:
        (project / ".secrets/password").unlink()


def test_one_file_of_compose_is_read_by_itself(project: Path) -> None:
    found = [path.name for path in project.iterdir() if re.fullmatch(r"(docker-)?compose\.ya?ml", path.name)]
    assert len(found) == 1
    ours = project / ("ship.compose.yaml" if found != ["compose.yaml"] else "compose.yaml")
    assert (
        "docker compose" + (" --file ship.compose.yaml" if ours.name != "compose.yaml" else "") + "\n"
        in (project / "ship.mk").read_text()
    )
    service = yaml.safe_load(ours.read_text())["services"]["app"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("uvicorn --port '8000' \"app.main:app\"", ["uvicorn", "--port", "8000", "app.main:app"]),
        ("gunicorn --name='the orders' a:b", ["gunicorn", "--name=the orders", "a:b"]),
    ],
)
def test_it_starts_by_the_words_of_the_command(
    command: str, words: list[str], plain_template: Path, tmp_path: Path
) -> None:
    case = BY_NAME["asgi-pdm"]
    project = render(plain_template, tmp_path / "orders", **ALL | case.answers | {"start_command": command})
    assert f"CMD {json.dumps(words)}\n" in (project / "Dockerfile").read_text()


@pytest.mark.parametrize(
    ("sources", "first"),
    [(["app.py", "requirements-dev.txt", "requirements.txt"], "requirements.txt"),
     (["requirements/prod.txt", "app.py", "requirements/base.txt"], "requirements/prod.txt")],
)  # fmt: skip
def test_pip_installs_what_production_needs(
    sources: list[str], first: str, plain_template: Path, tmp_path: Path
) -> None:
    """In whatever order the files are listed: development's would leave out what the service is made of."""
    answers = BY_NAME["django-pip"].answers | {"sources": sources, "kept": []}
    text = (render(plain_template, tmp_path / "orders", **ALL | answers) / "Dockerfile").read_text()
    assert re.findall(r"install --requirement (\S+)", text) == [first]


def test_the_allow_list_names_what_is_needed_and_no_more(case: Case, project: Path) -> None:
    if case.answers["language"] == "other":
        return
    lines = (project / ".dockerignore").read_text().splitlines()
    let_in = [line[1:] for line in lines if line.startswith("!")]
    assert "*" in lines
    assert let_in == ["**"] if case.answers["sources"] == ["."] else set(case.answers["sources"]) <= set(let_in)
    assert "**/.env" in lines
    assert lines.index("**/.env") > lines.index(f"!{let_in[-1]}")


def test_no_file_speaks_of_what_it_does_not_have(case: Case, project: Path) -> None:
    text = "\n".join(
        path.read_text()
        for name in new(project)
        if (path := project / name).suffix != ".sh" and name != ".copier-answers.yml"
    )
    words = {
        "/readyz": False,
        "/metrics": case.answers.get("metrics") == "/metrics",
        "LoggedErrors": case.answers.get("json_logs", False),
    }
    words["make lint test"] = False
    for word, there in words.items():
        if not there:
            assert word not in text.replace("/proxy/metrics", ""), word  # the proxy of a host has its own


def test_a_workflow_calls_and_starts_those_that_are_there(project: Path) -> None:
    """Under the name that it has here: `deploy.yml` would be another one, of theirs or none."""
    started = set()
    for path in (project / ".github/workflows").glob("ship-*.yml"):
        text = path.read_text()
        started |= set(re.findall(r"gh workflow run ([\w.-]+)", text)) | set(
            re.findall(r"uses: \./\S*/([\w.-]+)", text)
        )
    assert "ship-deploy.yml" in started
    assert {name for name in started if not (project / ".github/workflows" / name).is_file()} == set()


@pytest.mark.parametrize("name", ["go-two-mains", "django-pip", "uv-workspace"])
def test_probes_ask_what_the_service_answers(name: str, plain_template: Path, tmp_path: Path) -> None:
    case = BY_NAME[name]
    project = render(plain_template, copied(case, tmp_path / "orders-api"), **ALL | case.answers)
    deployment = yaml.safe_load((project / "deploy/kubernetes/base/deployment.yml").read_text())
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    health = case.answers["health"]
    wanted = {"tcpSocket": {"port": "http"}} if health == "tcp" else {"httpGet": {"path": health, "port": "http"}}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert wanted.items() <= container[probe].items()
    monitored = (project / "deploy/kubernetes/base/service-monitor.yml").exists()
    assert monitored == bool(case.answers.get("metrics"))


def test_hadolint(case: Case, project: Path) -> None:
    if case.answers["language"] != "other":
        run(["hadolint", "--failure-threshold", "style", str(project / "Dockerfile")])


def test_shellcheck(project: Path, is_new: IsNew) -> None:
    shellcheck(project, (project / name for name in new(project) if name.endswith(".sh")), is_new)


def test_renovate_leaves_the_pipeline_to_the_template(project: Path) -> None:
    settings = project / "renovate.json"
    if settings.exists():  # Dependabot has no such rule
        (rule,) = [rule for rule in json.loads(settings.read_text())["packageRules"] if "matchFileNames" in rule]
        assert rule["matchFileNames"] == [".github/workflows/ship-*.yml", "ship.mk"]


@pytest.mark.parametrize("name", NAMES)
def test_what_the_files_say_needs_no_answer(name: str, plain_template: Path, tmp_path: Path) -> None:
    """Whose code it is, its language, its package manager and what stays theirs."""
    case = BY_NAME[name]
    # blanks and what a pattern would take for its own
    project = copied(case, tmp_path / "odd [x] dir" / "svc (1)*")
    start = {"start_command": case.answers["start_command"]} if "start_command" in case.answers else {}
    render(plain_template, project, service_name="orders-api", **start)
    answers = yaml.safe_load((project / ".copier-answers.yml").read_text())
    assert answers["source"] == "yours"
    assert answers["language"] == case.answers["language"]
    if "manager" in answers:
        assert answers["manager"] == case.answers["manager"]
    assert answers["kept"] == case.answers["kept"]
    assert git(project, "status", "--porcelain", "--untracked-files=no") == ""


def test_an_empty_folder_is_asked_nothing_of_this(plain_template: Path, tmp_path: Path) -> None:
    answers = yaml.safe_load((render(plain_template, tmp_path / "orders") / ".copier-answers.yml").read_text())
    assert not answers.keys() & {"source", "manager", "kept", "health", "start_command"}


def test_each_repository_is_of_a_case() -> None:
    assert {path.name for path in REPOSITORIES.iterdir()} == set(NAMES)


def test_workflows_that_may_push_the_same_image_are_named(
    plain_template: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    project = tmp_path / "orders"
    (project / ".github/workflows").mkdir(parents=True)
    (project / "requirements.txt").write_text("")
    for name in ("image.yml", "ci.yaml"):
        (project / ".github/workflows" / name).write_text("on: push\njobs: {}\n")
    run_copy(str(plain_template), project, defaults=True, unsafe=False)
    said = " ".join(capfd.readouterr().err.split())
    assert "ghcr.io/acme/orders is pushed by ship-ci.yml from now on" in said
    assert said.endswith("You have ci.yaml, image.yml.")

"""What an owner's code can't be answered is refused in one line, and nothing is written."""

from pathlib import Path

import pytest

from tests.questions.test_answers import refused
from tests.support.render import commit, git, render

BESIDE = {
    "python": ("start_command=python main.py",),
    "node": ("language=node", "start_command=node server.js"),
    "go": ("language=go",),
    "java": ("language=java",),
    "rust": ("language=rust",),
    "other": ("language=other", "kept=[Dockerfile]"),
}
# Whose, the answer, and what is said of it.
REFUSED = [
    ("python", "language=cobol", "'cobol' is not in ['python'"),
    ("python", "manager=conda", "'conda' is not in ['uv'"),
    ("node", "manager=uv", "'uv' is not in ['pnpm'"),
    ("python", "language_version=2.7", "'2.7' is not in ['3.14'"),
    ("python", "start_command=", "say what starts it"),
    ("python", "start_command=gunicorn app:app | tee log", "use one line that is read without a shell"),
    ("python", "start_command=python main.py --port $PORT", "use one line that is read without a shell"),
    ("python", "start_command=migrate && python main.py", "use one line that is read without a shell"),
    ("python", 'start_command=python "main.py', "quotes in pairs"),
    ("node", "start_command=npm start", "no shell and no package manager"),
    ("java", "start_command=mvn spring-boot:run", "the image has java to start with"),
    ("go", "start_command=./orders", "the image has service and /app/service to start with"),
    ("python", "build_command=make\nmake install", "use one line"),
    ("node", "build_command=npm run build \\", "use one line"),
    ("python", "test_command=pytest\n", "use one line"),
    ("python", "lint_command=ruff \\", "use one line"),
    ("python", "sources=src", "use a list of files and folders"),
    ("python", "sources=[]", "use a list of files and folders"),
    ("python", "sources=['src/*.py']", "without patterns"),
    ("python", "sources=[../shared]", "without patterns, blanks or .."),
    ("python", "sources=[/etc]", "from the service's folder"),
    ("python", "kept=Makefile", "use a list of paths"),
    ("python", "kept=['*.md']", "without patterns"),
    ("python", "kept=[../README.md]", "from the service's folder"),
    ("python", "health=healthz", "begins with /"),
    ("python", "health=/health?full=1", "letters, digits"),
    ("python", "metrics=metrics", "begins with /"),
    ("python", "writable_folders=cache", "use a list of folders"),
    ("python", "writable_folders=[/tmp]", "neither /tmp nor /app itself"),
    ("python", "writable_folders=[cache, cache]", "each once"),
    ("python", "data_folders=[../data]", "absolute or below /app"),
    ("python", "data_folders=[/proc]", "neither /tmp nor /app itself"),
    ("other", "writable_folders=[cache]", "only your Dockerfile knows"),
    ("other", "data_folders=[data]", "only your Dockerfile knows"),
    ("other", "kept=[README.md]", "the Dockerfile of another language is yours"),
    ("java", "module=../orders", "the module's folder"),
    ("go", "main_package=/cmd/orders", "the package's folder"),
    ("rust", "rust_package=orders api", "Cargo.toml"),
    ("rust", "rust_binary=-orders", "the name that Cargo.toml gives the binary"),
    ("rust", "linker=gold", "'gold' is not in ['none'"),
]


@pytest.mark.parametrize(("whose", "answer", "expected"), REFUSED, ids=[f"{one[0]}-{one[1]}" for one in REFUSED])
def test_an_answer_that_can_not_be_is_refused(
    plain_template: Path, tmp_path: Path, whose: str, answer: str, expected: str
) -> None:
    beside = [one for one in BESIDE[whose] if one.partition("=")[0] != answer.partition("=")[0]]
    refused(plain_template, tmp_path / "orders", expected, "source=yours", *beside, answer)


def test_a_folder_that_is_written_to_is_in_one_list(plain_template: Path, tmp_path: Path) -> None:
    answers = ("writable_folders=[var]", "data_folders=[var]")
    refused(plain_template, tmp_path / "orders", "in no other list", "source=yours", *BESIDE["python"], *answers)


def test_data_on_fargate_would_be_lost(plain_template: Path, tmp_path: Path) -> None:
    answers = ("orchestrator=ecs", "data_folders=[uploads]")
    said = "a task on Fargate loses its folders"
    refused(plain_template, tmp_path / "orders", said, "source=yours", *BESIDE["python"], *answers)


def test_who_has_a_file_for_dependabot_gets_no_second_bot(plain_template: Path, tmp_path: Path) -> None:
    """Two of them open each pull request twice."""
    project = tmp_path / "orders"
    (project / ".github").mkdir(parents=True)
    (project / "main.py").write_text("")
    (project / "requirements.txt").write_text("")
    (project / ".github/dependabot.yml").write_text("version: 2\nupdates: []\n")
    commit(project, "As it was")
    render(plain_template, project)
    assert not (project / "renovate.json").exists()
    assert git(project, "status", "--porcelain", "--untracked-files=no") == ""

"""A repository with faults, and the command."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from shipshape.cli import app

CHECKOUT = "on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: actions/checkout@v4\n"
FAULTY = {
    "Dockerfile": "FROM python:3.14\nCOPY . .\nCMD python app.py\n",
    "compose.yaml": "services:\n  app:\n    build: .\n    environment:\n      API_TOKEN: hunter2abc\n",
    ".github/workflows/ci.yml": CHECKOUT,
}


@dataclass(frozen=True)
class Done:
    """What the command printed; its exit code is the one that was expected."""

    stdout: str
    stderr: str


Audit = Callable[..., Done]


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    for name, text in FAULTY.items():
        (tmp_path / "faulty" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "faulty" / name).write_text(text)
    return tmp_path / "faulty"


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Audit:
    """Run the command in this process, which has read all that it imports; without linters, unless they are wanted."""

    def run(folder: Path, *arguments: str, code: int = 0, linters: bool = False) -> Done:
        with pytest.raises(SystemExit) as ended:
            app(["audit", str(folder), *arguments, *([] if linters else ["--no-linters"])], prog_name="shipshape")
        done = Done(*capsys.readouterr())
        assert ended.value.code == code, done
        return done

    return run


@pytest.fixture
def without_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the folder of a case, Git need not be asked again and again whether it is a repository."""
    monkeypatch.setattr("shipshape.detect.files._tracked", lambda root: [])

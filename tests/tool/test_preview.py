"""`shipshape preview` looks before Copier leaps."""

import subprocess
from pathlib import Path

import pytest

from tests.support.render import ORDERS, render


def preview(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["shipshape", "preview", *arguments], capture_output=True, text=True, check=False)


def test_an_empty_folder_would_get_everything_and_gets_nothing(template: Path, tmp_path: Path) -> None:
    result = preview(template, tmp_path / "orders")
    assert result.returncode == 0, result.stderr
    assert "new      Dockerfile\n" in result.stdout
    assert result.stdout.endswith("new, 0 differ, 0 the same; nothing was written\n")
    assert not (tmp_path / "orders").exists()


def test_what_would_be_overwritten_is_named_and_shown(template: Path, tmp_path: Path) -> None:
    project = render(template, tmp_path / "orders", **ORDERS)
    (project / "Makefile").write_text("all:\n\techo mine\n")
    data = [f"--data={name}={value}" for name, value in ORDERS.items()]
    result = preview(*data, "--diff", template, project)
    assert result.returncode == 1
    assert "differs  Makefile" in result.stdout
    assert "-\techo mine" in result.stdout
    assert "0 new, 1 differ" in result.stdout
    assert (project / "Makefile").read_text() == "all:\n\techo mine\n"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--data=port=80"], "use a number from 1025 to 65535"),
        (["--data=port"], "expected NAME=VALUE"),
    ],
)
def test_bad_input_gets_one_clear_line(template: Path, tmp_path: Path, arguments: list[str], expected: str) -> None:
    result = preview(*arguments, template, tmp_path / "orders")
    assert result.returncode == 2
    assert expected in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr


def test_a_template_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    result = preview(tmp_path / "nowhere", tmp_path / "orders")
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1

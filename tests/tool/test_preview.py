"""`shipshape preview` looks before Copier leaps."""

import subprocess
from pathlib import Path

import pytest

from tests.services.repository import add, answers_file
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


def test_files_of_an_owner_are_seen_as_copy_sees_them(template: Path, tmp_path: Path) -> None:
    """Whose code it is, and what stays theirs, is answered by what is there: not by an empty folder."""
    (tmp_path / "orders").mkdir()
    for name in ("Makefile", "README.md", "Dockerfile", "go.mod"):
        (tmp_path / "orders" / name).write_text("mine\n")
    result = preview(template, tmp_path / "orders")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "new      ship.mk\n" in result.stdout
    assert result.stdout.endswith("new, 0 differ, 0 the same; nothing was written\n")
    assert sorted(path.name for path in (tmp_path / "orders").iterdir()) == sorted(
        ["Makefile", "README.md", "Dockerfile", "go.mod"]
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--data=port=80"], "use a number from 1025 to 65535"),
        (["--data=port"], "expected NAME=VALUE"),
        (["--data=langauge=go"], "the template asks for no langauge: do you mean language?"),
        (["--data=colour=red"], "the template asks for no colour: it asks for service_path, "),
    ],
)
def test_bad_input_gets_one_clear_line(template: Path, tmp_path: Path, arguments: list[str], expected: str) -> None:
    result = preview(*arguments, template, tmp_path / "orders")
    assert result.returncode == 2
    assert expected in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr


def test_the_answers_of_the_folder_hold(template: Path, tmp_path: Path) -> None:
    project = render(template, tmp_path / "orders", **ORDERS, language="go")
    result = preview(template, project)
    assert (result.returncode, "0 new, 0 differ" in result.stdout) == (0, True), result.stdout
    result = preview("--data=language=rust", template, project)
    assert "new      Cargo.toml\n" in result.stdout


def test_a_second_service_leaves_what_the_first_one_made(template: Path, tmp_path: Path) -> None:
    add(template, tmp_path / "shop", "orders")
    (tmp_path / "shop/Makefile").write_text("all:\n\techo mine\n")
    of_payments = ("-a", answers_file("payments"), "--data=service_path=services/payments")
    result = preview(*of_payments, template, tmp_path / "shop")
    assert result.returncode == 0, result.stdout
    assert "kept     Makefile\n" in result.stdout
    assert "new      services/payments/Dockerfile\n" in result.stdout
    assert "services/orders" not in result.stdout


def test_what_is_in_the_way_is_named(template: Path, tmp_path: Path) -> None:
    folder = tmp_path / "orders"
    (folder / "Dockerfile").mkdir(parents=True)
    (folder / "scripts").write_text("a file\n")
    result = preview(template, folder)
    assert result.returncode == 1, result.stderr
    assert "blocked  Dockerfile: a folder is there\n" in result.stdout
    assert "blocked  scripts/lib.sh: scripts is a file, and would have to be a folder\n" in result.stdout
    assert "can't be written; nothing was written" in result.stdout


def test_what_a_link_points_to_is_not_shown(template: Path, tmp_path: Path) -> None:
    (tmp_path / "private").write_text("s3cret\n")
    folder = tmp_path / "orders"
    folder.mkdir()
    (folder / "Makefile").symlink_to("../private")
    result = preview("--diff", template, folder)
    assert "differs  Makefile: a link is there\n" in result.stdout
    assert "s3cret" not in result.stdout


def test_a_file_is_no_folder(template: Path, tmp_path: Path) -> None:
    (tmp_path / "orders").write_text("")
    result = preview(template, tmp_path / "orders")
    assert (result.returncode, len(result.stderr.splitlines())) == (2, 1)
    assert "orders is a file: name the folder" in result.stderr


def test_a_template_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    result = preview(tmp_path / "nowhere", tmp_path / "orders")
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1

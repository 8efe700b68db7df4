"""Whatever a repository holds, an audit ends soon, with a score or a line, and touches nothing outside."""

import os
import random
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from shipshape.audit import audit
from shipshape.audit.lines import DEPTH, UnreadableError, load

from tests.audit.case import cases
from tests.audit.conftest import Audit
from tests.support.render import git

ANYTHING: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "text",
    "a:b:c",
    "${",
    [],
    [None],
    [[]],
    {},
    {"a": None},
    {"Ref": []},
]
MANIFEST = "apiVersion: v1\nkind: Pod\n"
HOSTILE = {
    "a bomb": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{n}: &{n} [{', '.join([f'*{p}'] * 9)}]\n" for p, n in zip("abcdefgh", "bcdefghi", strict=True)),
    "deep": "a: " + "[" * 10_000,
    "deep blocks": "\n".join(" " * n + "a:" for n in range(2_000)),
    "a circle": "a: &a\n  b: *a\n",
    "a merged circle": "a: &a\n  <<: *a\n",
    "tabs": "a:\n\tb: c\n",
    "no YAML": "a: 'b\n",
    "two keys": "? [a]\n: b\n? {c: d}\n: e\n",
    "a tag": "a: !!python/object/apply:os.system [exit 1]\n",
    "an unknown alias": "a: *nobody\n",
    "a null byte": "a: \0\n",
    "a lone anchor": "&a",
    "another document": "--- \n...\n---\n- a\n--- !x\n",
    "a number": "1",
    "an octal": "a: 0o777\nb: 1_000\nc: 190:20:30\nd: .inf\ne: 99999999999999999999999\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_end_as_one_line(name: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a:1\n")
    (tmp_path / "compose.yaml").write_text(HOSTILE[name])
    (tmp_path / "pod.yml").write_text(MANIFEST + HOSTILE[name])
    start = time.process_time()
    report = audit(tmp_path, with_linters=False)
    assert time.process_time() - start < 2
    assert report.score is not None
    assert all(len(notice.text.splitlines()) == 1 for notice in report.notices)


@pytest.mark.parametrize("name", ["a bomb", "deep", "deep blocks", "a circle", "tabs", "no YAML", "an unknown alias"])
def test_what_can_not_be_read_is_said(name: str) -> None:
    with pytest.raises(UnreadableError, match=r"line \d+ |values|levels"):
        load(HOSTILE[name])


def test_what_is_nearly_too_deep_is_read() -> None:
    (value,) = load("[" * DEPTH + "]" * DEPTH)
    for _ in range(DEPTH - 1):
        (value,) = value
    assert value == []


def broken(value: Any, chance: random.Random) -> Any:
    """The same data, with anything in the place of a part of it."""
    if chance.random() < 0.15:
        return chance.choice(ANYTHING)
    if isinstance(value, dict):
        return {key: broken(one, chance) for key, one in value.items()}
    return [broken(one, chance) for one in value] if isinstance(value, list) else value


@pytest.mark.usefixtures("without_git")
@pytest.mark.parametrize("table", ["compose", "actions", "kubernetes", "cfn"])
def test_no_check_relies_on_a_type(table: str, tmp_path: Path) -> None:
    """Every case, its data broken at random: a finding more or less, but never an exception."""
    for number, case in enumerate(one for one in cases() if one.rule.startswith(table)):
        folder, chance = tmp_path / str(number), random.Random(number)  # noqa: S311
        case.write(folder)
        for name, text in case.files.items():
            if name.endswith((".yml", ".yaml")) and "!" not in text and "{{-" not in text:
                data = [broken(one, chance) for one in yaml.load_all(text, yaml.BaseLoader)]
                (folder / name).write_text(yaml.safe_dump_all(data))
        audit(folder, with_linters=False)


def test_nothing_outside_is_read(tmp_path: Path, command: Audit) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    (outside / "k8s").mkdir(parents=True)
    inside.mkdir()
    (outside / "Dockerfile").write_text("FROM secret-image\n")
    (outside / "k8s/pod.yml").write_text(MANIFEST)
    (inside / "Dockerfile").symlink_to("../outside/Dockerfile")
    (inside / "k8s").symlink_to("../outside/k8s")
    (inside / "loop").symlink_to(".")
    (inside / "compose.yaml").write_text("services: {app: {build: {context: ../outside, dockerfile: Dockerfile}}}\n")
    result = command(inside)
    assert "secret-image" not in result.stdout + result.stderr
    assert "Compose" in result.stdout


def test_a_large_file_is_named(tmp_path: Path, command: Audit) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a:1\n")
    (tmp_path / "compose.yaml").write_text("#" * (1024 * 1024 + 1))
    result = command(tmp_path)
    assert result.stderr == ""
    assert "compose.yaml: was not read: 1.0 MiB, more than the 1 MiB that is read" in result.stdout


def test_names_and_bytes_of_any_kind(tmp_path: Path, command: Audit) -> None:
    folder = tmp_path / "a $b #c 🚢 \x1b[31m"
    folder.mkdir()
    (folder / "Dockerfile").write_bytes(b"\xef\xbb\xbfFROM \xff\xfe:1\r\nRUN \x1b]0;x\x07 \\\r\n")
    (folder / "Dockerfile.only-comments").write_text("# nothing\n")
    (folder / "empty.dockerfile").write_text("")
    for style in ("text", "json", "sarif"):
        result = command(tmp_path, f"--format={style}")
        assert result.stderr == ""
        assert "\x1b" not in result.stdout, "a terminal would obey it"


def test_what_git_ignores_is_not_judged_unless_git_has_it(tmp_path: Path) -> None:
    for folder in ("", "api", "api/gone"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "Dockerfile").write_text("FROM a:1\n")
        (tmp_path / folder / ".env").write_text("JWT_SECRET=abcdef\n")
    (tmp_path / ".gitignore").write_text(".env\n")
    (tmp_path / "api/.gitignore").write_text("gone\n")

    def found() -> set[str]:
        return {one.path for one in audit(tmp_path, with_linters=False).findings}

    git(tmp_path, "init", "-q")
    assert found() == {"Dockerfile", "api/Dockerfile"}
    git(tmp_path, "add", "--force", ".env")
    assert found() == {"Dockerfile", "api/Dockerfile", ".env"}


def test_a_name_that_is_no_utf_8(tmp_path: Path, command: Audit) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xffb"))
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM a:1\n")
    for style in ("text", "json", "sarif"):
        assert "Dockerfile" in command(tmp_path, f"--format={style}").stdout


def test_nothing_to_judge_is_said(tmp_path: Path, command: Audit) -> None:
    (tmp_path / "main.py").write_text("")
    result = command(tmp_path, code=2)
    assert result.stdout == ""
    assert "nothing to judge: expected a Dockerfile" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--threshold=101"], "expected a number from 0 to 100, got '101'"),
        (["--threshold=x"], "expected a number from 0 to 100, got 'x'"),
        (["--format=xml"], "'xml' is not one of 'text', 'json', 'sarif'"),
    ],
)
def test_bad_arguments_are_one_line(tmp_path: Path, command: Audit, arguments: list[str], said: str) -> None:
    assert said in command(tmp_path, *arguments, code=2).stderr.splitlines()[-1]


def test_a_folder_that_is_none(tmp_path: Path, command: Audit) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "nowhere"):
        result = command(folder, code=2)
        assert (result.stdout, len(result.stderr.splitlines())) == ("", 1)
        assert "is no folder: name the root of a repository" in result.stderr

"""A repository may hold anything: each of these ends with a line about it, soon, and never with a traceback."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from shipshape.detect import Report, detect
from shipshape.detect.files import LIMIT

from tests.detect.conftest import write

DEEP = 10_000
SERVICE = {
    "requirements.txt": "flask\ngunicorn\n",
    ".python-version": "3.13\n",
    "app.py": "from flask import Flask\napp = Flask(__name__)\n",
}
START = "gunicorn --bind 0.0.0.0:8000 app:app"
_NINE = [f"{one}: &{one} [{','.join([f'*{before}'] * 9)}]" for before, one in pairwise("abcdefgh")]
BOMB = "\n".join(["a: &a [x,x,x,x,x,x,x,x,x]", *_NINE])


def read(folder: Path, seconds: float = 3) -> Report:
    """What is read, within so many seconds of computing: what else the machine does counts for nothing."""
    begin = time.process_time()
    report = detect(folder)
    assert time.process_time() - begin < seconds
    return report


@pytest.mark.parametrize(
    ("path", "text", "reason"),
    [
        ("package.json", '{"a":' * DEEP + "1" + "}" * DEEP, "JSON that is nested too deep"),
        ("package.json", "[" * DEEP, "JSON"),
        ("package.json", "[]", "a JSON file with named values was expected"),
        ("package.json", "{", "not JSON that can be read"),
        ("package.json", '{"scripts": [], "engines": 3, "workspaces": {"packages": {}}, "dependencies": "x"}', ""),
        ("pyproject.toml", "a = " + "[" * DEEP + "]" * DEEP, "TOML that is nested too deep"),
        ("pyproject.toml", "a." * DEEP + "a = 1", "a key of more than 100 parts"),
        ("pyproject.toml", "a = {" + "'b'." * DEEP + "a = 1}", "a key of more than 100 parts"),
        ("pyproject.toml", "[project]\ndependencies = [" + "'a==1.2.3', " * 200 + "]", ""),
        ("pyproject.toml", "[project]\nname = 1\ndependencies = 3\n[tool]\npoetry = []", ""),
        ("pyproject.toml", "[project\n", "not TOML that can be read"),
        ("compose.yaml", "[" * DEEP + "]" * DEEP, "not YAML that can be read"),
        ("compose.yaml", "- " * DEEP, "not YAML that can be read"),
        ("compose.yaml", BOMB, "with its aliases written out"),
        ("compose.yaml", "services:\n\tweb: {}\n", "not YAML that can be read"),
        ("compose.yaml", "services: !!python/object/apply:os.system ['touch /tmp/owned']\n", "not YAML"),
        ("compose.yaml", "a: &a {b: *a}\n", ""),
        ("compose.yaml", "services: {web: {build: 3, ports: x, volumes: [1], environment: [2], command: {}}}", ""),
        ("compose.yaml", "services: [web]\n", ""),
        ("pom.xml", "<a>" * DEEP + "</a>" * DEEP, ""),
        ("pom.xml", "<a>", "not XML that can be read"),
        ("pom.xml", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "XML with a document type"),
        ("Dockerfile", "FROM scratch\nCMD " + "[" * DEEP, ""),
        ("Dockerfile", "FROM scratch\n" + "ENV A=$A$A$A$A$A$A$A$A\n" * 5000, ""),
        ("Dockerfile", "FROM a AS s0\n" + "".join(f"FROM s{i} AS s{i + 1}\n" for i in range(5000)), ""),
        ("Dockerfile", "RUN <<EOF\nnever ends", ""),
        ("Dockerfile", "FROM\nEXPOSE $(x) 99999999 ${a:-${b}}\nHEALTHCHECK\nCMD\nENV\nARG\n", ""),
        ("Dockerfile", "FROM x\nCMD 'unclosed\n", ""),
        ("app.py", "(" * DEEP, ""),
        ("app.py", "x = " + "-" * 100_000 + "1", ""),
        ("app.py", "x = " + "a." * DEEP + "a\n", ""),
        ("app.py", "app = Flask(\0)", ""),
        ("start.sh", "exec ./start.sh\n", ""),
        ("Procfile", "web: sh start.sh", ""),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_malformed_is_said(tmp_path: Path, path: str, text: str, reason: str) -> None:
    report = read(write(tmp_path, {**SERVICE, path: text}))
    assert reason in report.unread.get(path, "")
    if reason:
        assert any(note.startswith(f"not read: {path}: ") for note in report.notes)
    assert not Path("/tmp/owned").exists()  # noqa: S108 (what the text above would make)


@pytest.mark.parametrize(
    ("path", "unit"),
    [
        ("app.js", "port=PORT "),
        ("app.js", ".listen(a,"),
        ("app.js", 'import "./a"; '),
        ("app.js", "export default {port:"),
        ("main.go", 'flag.String("port'),
        ("main.go", "ListenAndServe("),
        ("src/main.rs", 'bind("a:'),
        ("src/main.rs", 'PORT").unwrap_or('),
        ("Dockerfile", "cargo build "),
        ("Dockerfile", "apt-get -y "),
        ("Dockerfile", "A=${a:-"),
        ("Dockerfile", 'A="'),
        ("Procfile", "web: a && b "),
        ("setup.py", "'a[b"),
        ("src/main/java/A.java", "static public "),
        (".env.example", "PORT = "),
        ("requirements.txt", "a[b]; "),
        ("pyproject.toml", "a = '^1.~2' #"),
    ],
)
def test_long_lines_are_read_soon(tmp_path: Path, path: str, unit: str) -> None:
    marks = {
        "app.js": {"package.json": '{"main": "app.js"}'},
        "main.go": {"go.mod": "module x\n"},
        "src/main.rs": {"Cargo.toml": '[package]\nname = "x"'},
        "src/main/java/A.java": {"pom.xml": "<a/>"},
    }
    files = marks.get(path, SERVICE)
    begin = "FROM x\nRUN " if path == "Dockerfile" else ""
    text = (begin + unit * (LIMIT // len(unit)))[:LIMIT]
    read(write(tmp_path, {**files, path: text}), seconds=10)


def test_a_manifest_of_100_mib_is_not_read(tmp_path: Path) -> None:
    folder = write(tmp_path, SERVICE)
    with (folder / "package.json").open("wb") as file:
        file.truncate(100 << 20)  # a hole: it takes no room
    report = read(folder)
    assert report.unread["package.json"] == "100.0 MiB, more than the 1 MiB that is read"
    assert report.value("start_command") == START


def test_a_lock_file_may_be_large(tmp_path: Path) -> None:
    text = "# yarn lockfile v1\n" + "x" * (2 * LIMIT)
    report = read(write(tmp_path, {"package.json": '{"scripts": {"start": "node a.js"}}', "yarn.lock": text}))
    assert report.value("manager") == "yarn-classic"


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    folder = write(tmp_path, SERVICE)
    (folder / "Procfile").write_bytes(b"web: gunicorn app:app\nrelease: \xff\xfe\xfa\n")
    report = read(folder)
    assert report.unread["Procfile"] == "not UTF-8 in line 2"
    assert report.facts["start_command"].place == "Procfile:1"
    (folder / "requirements.txt").write_bytes("flask\r\nwaitress\r\n".encode("utf-16"))  # as PowerShell writes it
    (folder / "Procfile").unlink()
    assert "waitress-serve" in read(folder).value("start_command")


def _loop(folder: Path) -> None:
    (folder / "package.json").symlink_to("package.json")
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to("a")
    (folder / "self").symlink_to(".")


def _out(folder: Path) -> None:
    outside = folder.parent / "outside"
    outside.write_text('{"scripts": {"start": "node stolen.js"}}')
    (folder / "package.json").symlink_to(outside)


def _nowhere(folder: Path) -> None:
    (folder / "package.json").symlink_to("missing")


def _pipe(folder: Path) -> None:
    os.mkfifo(folder / "package.json")


def _folder(folder: Path) -> None:
    for name in ("package.json", "Dockerfile", "compose.yaml", "Procfile", "uv.lock"):
        (folder / name).mkdir()
        (folder / name / "file").write_text("{}")


def _file(folder: Path) -> None:
    for name in ("src", "cmd", ".github", "prisma", "tests"):
        (folder / name).write_text("a file, where a folder is expected\n")


def _names(folder: Path) -> None:
    for name in (
        "a b",
        "#c",
        "$HOME",
        "`id`",
        "d\ne",
        "\N{ROCKET}",
        "-rf",
        "%s",
        "{f}",
        "[red]x",
        "Dockerfile.a b",
        "a;b.py",
    ):
        (folder / name).write_text("app = Flask(__name__)\n")
        (folder / f"in {name}").mkdir()
        (folder / f"in {name}" / "package.json").write_text("{}")


@pytest.mark.parametrize("spoil", [_loop, _out, _nowhere, _pipe, _folder, _file, _names])
def test_what_the_file_system_can_hold(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    folder = write(tmp_path / "service", SERVICE)
    spoil(folder)
    report = read(folder)
    assert (report.value("start_command"), report.refusals) == (START, [])
    assert "stolen" not in str(report)
    if spoil is _out:
        assert report.unread["package.json"] == "a link that leads out of the repository: not followed"
    if spoil is _loop:
        assert report.unread["package.json"] == "a link to itself"


def test_what_is_not_readable() -> None:
    folder = write(Path(tempfile.mkdtemp()), SERVICE)
    try:
        (folder / "package.json").write_text("{}")
        (folder / "package.json").chmod(0)
        folder.chmod(0o755)
        if os.geteuid() == 0:  # who may read everything
            os.seteuid(65534)
        report = read(folder)
        assert report.unread["package.json"] == "not readable for you"
        assert report.value("start_command") == START
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        shutil.rmtree(folder)


def test_10000_files_are_read_within_3_seconds(tmp_path: Path) -> None:
    files = {f"shop/{i % 100}/module_{i}.py": f"import app\nrouter.get('/x{i}')\n" for i in range(10_000)}
    folder = write(tmp_path, {**SERVICE, **files})
    assert read(folder).value("start_command") == START


def test_who_waits_longer_than_a_second_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    clock = iter(range(1000))
    monkeypatch.setattr("shipshape.detect.files.time.monotonic", lambda: next(clock) * 0.6)
    detect(write(tmp_path, SERVICE), lines.append)
    assert lines
    assert all("files" in line for line in lines)


def test_a_repository_runs_nothing_through_gits_configuration(tmp_path: Path) -> None:
    folder = write(tmp_path / "service", SERVICE)
    (folder / ".git").mkdir()
    marker = tmp_path / "ran"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {marker}\n")
    script.chmod(0o755)
    os.system(f"git -C {folder} init --quiet")  # noqa: S605
    with (folder / ".git/config").open("a") as file:
        file.write(f"[core]\n\tfsmonitor = {script}\n\thooksPath = {tmp_path}\n\tpager = {script}\n")
    assert read(folder).value("start_command") == START
    assert not marker.exists()

"""`.shipshape.yml`: a finding that somebody accepts, with a reason."""

import json
from pathlib import Path

import pytest

from tests.audit.conftest import Audit


def test_an_accepted_finding_counts_as_kept(faulty: Path, command: Audit) -> None:
    before = json.loads(command(faulty, "--format=json").stdout)
    (faulty / ".shipshape.yml").write_text("accept:\n  - rule: docker-user\n    path: Dockerfile\n    reason: a demo\n")
    after = json.loads(command(faulty, "--format=json").stdout)
    assert after["score"] > before["score"]
    (user,) = [one for one in after["findings"] if one["rule"] == "docker-user"]
    assert user["accepted"] == "a demo"
    text = command(faulty).stdout
    assert "docker-user" not in text
    assert "1 accepted" in text


def test_a_pattern_names_files(faulty: Path, command: Audit) -> None:
    (faulty / ".shipshape.yml").write_text("accept: [{rule: actions-pinned, path: '.github/*/*.yml', reason: ours}]")
    assert "actions-pinned" not in command(faulty).stdout
    (faulty / ".shipshape.yml").write_text("accept: [{rule: actions-pinned, path: 'api/**', reason: ours}]")
    assert "warning actions-pinned" in command(faulty).stdout


def test_what_is_not_found_any_more_is_said(faulty: Path, command: Audit) -> None:
    (faulty / ".shipshape.yml").write_text(
        "accept:\n  - {rule: docker-ssh, reason: a demo}\n"
        "  - {rule: docker-user, path: api/Dockerfile, reason: a demo}\n"
        "  - {rule: hadolint/DL3008, reason: nobody knows without hadolint}\n"
    )
    said = command(faulty).stdout.splitlines()
    assert ".shipshape.yml:2: accepts docker-ssh, which is not found: take it out" in said
    assert ".shipshape.yml:3: accepts docker-user in api/Dockerfile, which is not found: take it out" in said
    assert not [line for line in said if "DL3008" in line]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "accept: [{rule: docker-usr, reason: x}]",
            ".shipshape.yml:1: there is no rule docker-usr: docs/audit.md lists them",
        ),
        ("accept:\n  - rule: docker-user", ".shipshape.yml:2: docker-user has no `reason`: say why it is accepted"),
        ("accept: [{rule: docker-user, reason: ' '}]", "has no `reason`"),
        ("accept: [{rule: docker-user, reason: x, file: y}]", ":1: expected `rule`, `reason` and perhaps `path`"),
        ("accept: [docker-user]", ":1: expected `rule`, `reason` and perhaps `path`"),
        ("accept: {docker-user: x}", "expected `accept:` with a list of rules, and nothing else"),
        ("ignore: []", "expected `accept:` with a list of rules, and nothing else"),
        ("- a", "expected `accept:` with a list of rules, and nothing else"),
        ("accept: [", ".shipshape.yml: line "),
        ("accept: [{rule: eslint/x, reason: x}]", "there is no rule eslint/x"),
    ],
)
def test_a_mistake_is_one_line(faulty: Path, command: Audit, text: str, said: str) -> None:
    (faulty / ".shipshape.yml").write_text(text)
    done = command(faulty, code=2)
    assert done.stdout == ""
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_empty_file_accepts_nothing(faulty: Path, command: Audit) -> None:
    for text in ("", "accept: []\n", "# nothing\n"):
        (faulty / ".shipshape.yml").write_text(text)
        assert "docker-user" in command(faulty).stdout


def test_a_link_out_of_the_repository_accepts_nothing(faulty: Path, command: Audit, tmp_path: Path) -> None:
    (tmp_path / "outside.yml").write_text("accept: [{rule: docker-user, reason: from outside}]")
    (faulty / ".shipshape.yml").symlink_to("../outside.yml")
    said = command(faulty).stdout
    assert ".shipshape.yml: was not read: a link that leads out of the repository: not followed" in said
    assert "error docker-user" in said

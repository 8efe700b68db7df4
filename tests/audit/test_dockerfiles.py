"""Which Dockerfiles are judged: none is passed over in silence, and none is judged twice."""

from pathlib import Path

from tests.audit.conftest import Audit

# As dani-garcia/vaultwarden has it: a comment that tells a command with a format of Go's.
COMMENTED = '# docker image inspect --format "{{.RepoDigests}}" a:1\nARG VERSION=1\nFROM a:$VERSION\n'


def test_braces_in_a_comment_make_no_template(tmp_path: Path, command: Audit) -> None:
    (tmp_path / "Dockerfile").write_text(COMMENTED)
    assert "Dockerfile:3: no USER: it runs as root" in command(tmp_path).stdout


def test_braces_in_a_step_make_no_template(tmp_path: Path, command: Audit) -> None:
    (tmp_path / "Dockerfile").write_text('FROM a:1\nRUN go list -f "{{.Dir}}" ./...\nFROM b:1\n')
    assert "Dockerfile:3: no USER: it runs as root" in command(tmp_path).stdout


def test_a_template_is_said_to_be_one(tmp_path: Path, command: Audit) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a:1\nUSER 1:1\n")
    (tmp_path / "Dockerfile.alpine").write_text("ARG V={{ version }}\nFROM a:1\n")
    said = command(tmp_path).stdout.splitlines()
    assert "Dockerfile.alpine: is a template, and was not judged: audit what they render" in said
    assert not [line for line in said if line.strip().startswith("Dockerfile.alpine:2")]


def test_a_link_to_another_one_is_judged_once(tmp_path: Path, command: Audit) -> None:
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker/Dockerfile.debian").write_text("FROM a:1\n")
    (tmp_path / "Dockerfile").symlink_to("docker/Dockerfile.debian")
    said = command(tmp_path).stdout
    assert said.count("no USER: it runs as root") == 1
    assert "docker/Dockerfile.debian:1: no USER" in said

"""A Compose file that Docker Compose does not read is not passed over in silence."""

from pathlib import Path

import pytest

from tests.audit.conftest import Audit

NOT_READ = (
    "was not judged: of Compose's version 1, which Docker Compose does not read any more: put its services below "
    "`services:`"
)
V1 = "web:\n  build: .\n  ports: ['80:80']\n  privileged: true\n  links: [db]\ndb:\n  image: postgres\n"
V2 = "version: '2'\nservices:\n  web:\n    image: a\n    privileged: true\n"


@pytest.mark.parametrize("name", ["docker-compose.yml", "compose.yaml", "deploy/docker-compose.prod.yml"])
def test_version_1_is_said_to_be_unread(tmp_path: Path, command: Audit, name: str) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a:1\n")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(V1)
    assert f"{name}: {NOT_READ}" in command(tmp_path).stdout.splitlines()


def test_version_1_alone_is_nothing_to_judge(tmp_path: Path, command: Audit) -> None:
    (tmp_path / "docker-compose.yml").write_text(V1)
    lines = command(tmp_path, code=2).stderr.splitlines()
    assert lines[0] == f"shipshape: docker-compose.yml: {NOT_READ}"
    assert "nothing to judge" in lines[1]


@pytest.mark.parametrize(
    ("key", "value", "instead"),
    [
        ("net", "host", "network_mode"),
        ("log_driver", "syslog", "logging.driver"),
        ("dockerfile", "web.Dockerfile", "build.dockerfile"),
    ],
)
def test_an_old_key_is_named_and_the_rest_is_judged(
    tmp_path: Path, command: Audit, key: str, value: str, instead: str
) -> None:
    (tmp_path / "compose.yaml").write_text(f"{V2}    {key}: {value}\n")
    said = command(tmp_path).stdout
    text = f"`{key}` of web is of Compose's version 1, and Docker Compose refuses it: say `{instead}`"
    assert f"compose.yaml: {text}" in said.splitlines()
    assert "error compose-privileged" in said


@pytest.mark.parametrize(
    "text", [V2, "volumes:\n  data: {}\n", "include: [a.yaml]\n", "x-web: &web\n  a: b\n", "- a\n"]
)
def test_nothing_is_said_of_what_is_read(tmp_path: Path, command: Audit, text: str) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a:1\n")
    (tmp_path / "compose.yaml").write_text(text)
    assert "version 1" not in command(tmp_path).stdout

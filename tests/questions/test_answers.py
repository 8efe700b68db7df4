"""The answers' names are an interface, their defaults a working service, their validators one clear line."""

import json
import re
import subprocess
import sys
from pathlib import Path

import botocore
import pytest
import yaml

from tests.support.render import TEMPLATE, render

NAMES = [
    "service_name",
    "service_description",
    "github_owner",
    "language",
    "language_version",
    "registry",
    "registry_host",
    "aws_account_id",
    "aws_region",
    "image_namespace",
    "platforms",
    "orchestrator",
    "port",
    "dependency_updates",
    "license",
]
# Asked only where the registry is one of these.
ONLY_FOR = {"registry_host": "private", "aws_account_id": "ecr", "aws_region": "ecr"}

REFUSED = [
    ("service_name=Orders", "use lower-case letters"),
    ("service_name=my orders", "use lower-case letters"),
    ("service_name=1orders", "use lower-case letters"),
    ("service_name=orders-", "use lower-case letters"),
    ("service_name=orders\n", "use lower-case letters"),
    ("service_description=a\\b", "one line of text"),
    (f"service_name={'o' * 41}", "at most 40"),
    ("service_description=two\nlines", "one line of text"),
    ('service_description=say "hi"', "one line of text"),
    ("service_description= ", "one line of text"),
    ("github_owner=-octo", "as in github.com/NAME"),
    (f"github_owner={'o' * 40}", "at most 39"),
    ("github_owner=octo org", "as in github.com/NAME"),
    ("language=cobol", "'cobol' is not in ['python'"),
    ("language_version=2.7", "'2.7' is not in ['3.14', '3.13']"),
    ("registry=floppy", "'floppy' is not in ['ghcr'"),
    ("image_namespace=Octo", "use lower-case letters"),
    ("image_namespace=octo//shop", "use lower-case letters"),
    ("orchestrator=cron", "'cron' is not in ['compose'"),
    ("port=80", "use a number from 1025 to 65535"),
    ("port=70000", "use a number from 1025 to 65535"),
    ("port=http", "invalid literal for int()"),
    ("platforms=linux/s390x", "'linux/s390x' is not in ['linux/amd64'"),
    ("dependency_updates=me", "'me' is not in ['renovate'"),
    ("license=GPL", "'GPL' is not in ['MIT'"),
]

REFUSED_FOR = [
    ("ecr", "aws_account_id=12345678901", "use the account's 12 digits"),
    ("ecr", "aws_account_id=1234-5678-9012", "use the account's 12 digits"),
    ("ecr", "aws_region=eu-central-9", "use the code of an AWS region"),
    ("ecr", "aws_region=Frankfurt", "use the code of an AWS region"),
    ("private", "registry_host=https://registry.example.com", "without https:// and without a path"),
    ("private", "registry_host=registry.example.com/team", "without https:// and without a path"),
    ("private", "registry_host=localhost", "use a host"),
    ("private", "registry_host=Registry.example.com", "use a host in lower case"),
    ("private", "image_namespace=Team", "use lower-case letters"),
    ("dockerhub", "image_namespace=Team", "use lower-case letters"),
]

ACCEPTED: dict[str, list[object]] = {
    "service_name": ["o", "a1", "orders-api-v2", "o" * 40],
    "service_description": ["Bestellungen: größer & schneller, zu 100 %.", "it's #1 {of} <all>"],
    "github_owner": ["a", "Octo-Org", "octo_corp"],
    "image_namespace": ["octo", "octo-org/shop/team_a", "a.b"],
    "port": [1025, 65535],
}


def test_the_names_of_the_answers_are_kept() -> None:
    assert list(TEMPLATE.questions())[: len(NAMES)] == NAMES


def test_each_question_is_one_plain_line() -> None:
    for name, question in TEMPLATE.questions().items():
        text = question["help"]
        assert text.endswith("?") or text.endswith(")"), name
        assert "\n" not in text, name
        assert len(text.split("{{")[0]) <= 74, f"{name} does not fit on a line of a terminal"
        assert question.get("default"), f"{name} has no default"
        assert question.get("choices") or question.get("validator"), f"{name} takes anything"


def test_the_defaults_are_a_service_named_like_its_folder(plain_template: Path, tmp_path: Path) -> None:
    project = render(plain_template, tmp_path / "Orders_API.git")
    answers = yaml.safe_load((project / ".copier-answers.yml").read_text())
    assert answers["service_name"] == "orders-api-git"
    assert set(NAMES) - set(ONLY_FOR) == {name for name in answers if not name.startswith("_")}


def test_what_only_one_registry_needs_is_asked_for_it_alone(plain_template: Path, tmp_path: Path) -> None:
    for registry in TEMPLATE.table("registries"):
        project = render(plain_template, tmp_path / registry, registry=registry)
        asked = set(yaml.safe_load((project / ".copier-answers.yml").read_text())) & set(ONLY_FOR)
        assert asked == {name for name, only in ONLY_FOR.items() if only == registry}


def test_the_regions_are_those_of_aws() -> None:
    partition = json.loads((Path(botocore.__file__).parent / "data/endpoints.json").read_text())["partitions"][0]
    regions: object = TEMPLATE.table("aws_regions")
    assert regions == sorted(partition["regions"])


@pytest.mark.parametrize(("folder", "name"), [("123", "service"), ("x" * 50, "x" * 40), ("-Ab--c-", "ab-c")])
def test_any_folder_gives_a_sound_name(plain_template: Path, tmp_path: Path, folder: str, name: str) -> None:
    project = render(plain_template, tmp_path / folder)
    assert yaml.safe_load((project / ".copier-answers.yml").read_text())["service_name"] == name


@pytest.mark.parametrize(("answer", "expected"), REFUSED, ids=[answer for answer, _ in REFUSED])
def test_bad_input_is_refused_and_nothing_is_written(
    plain_template: Path, tmp_path: Path, answer: str, expected: str
) -> None:
    refused(plain_template, tmp_path / "orders", expected, answer)


@pytest.mark.parametrize(("registry", "answer", "expected"), REFUSED_FOR, ids=[answer for _, answer, _ in REFUSED_FOR])
def test_bad_input_about_a_registry_is_refused(
    plain_template: Path, tmp_path: Path, registry: str, answer: str, expected: str
) -> None:
    refused(plain_template, tmp_path / "orders", expected, f"registry={registry}", answer)


def refused(plain_template: Path, destination: Path, expected: str, *answers: str) -> None:
    with pytest.raises(ValueError, match=re.escape(expected)) as error:
        render(plain_template, destination, **dict(answer.split("=", 1) for answer in answers))
    assert len(str(error.value).splitlines()) == 1
    assert not destination.exists()


@pytest.mark.parametrize(
    ("answer", "expected"), [REFUSED[0], REFUSED[-1], ("port=80", "use a number from 1025 to 65535")]
)
def test_the_command_says_it_in_one_clear_line(
    plain_template: Path, tmp_path: Path, answer: str, expected: str
) -> None:
    destination = tmp_path / "orders"
    command = [sys.executable, "-m", "copier", "copy", "--defaults", "--quiet", f"--data={answer}"]
    result = subprocess.run([*command, plain_template, destination], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert not destination.exists()
    # Copier shows its own trace above the line: https://github.com/copier-org/copier/issues/1436
    assert expected in result.stderr.strip().splitlines()[-1]
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in ACCEPTED.items() for value in values],
    ids=lambda value: str(value)[:20],
)
def test_good_input_is_kept(plain_template: Path, tmp_path: Path, name: str, value: object) -> None:
    project = render(plain_template, tmp_path / "orders", **{name: value})
    assert yaml.safe_load((project / ".copier-answers.yml").read_text())[name] == value

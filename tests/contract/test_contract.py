"""docs/contract.md, read out of every rendered artefact and compared."""

import re
from dataclasses import fields
from pathlib import Path

from shipshape.template import Answers

from tests.contract.artefacts import ARTEFACTS, Terms, compose, instruction
from tests.support.expectations import expected
from tests.support.render import ORDERS, TEMPLATE


def wanted(answers: Answers) -> Terms:
    row = TEMPLATE.table("languages")[answers["language"]]
    return Terms(
        port=row["port"],
        user="65532:65532",
        read_only=True,
        writable=("/tmp",),  # noqa: S108
        dropped=("ALL",),
        no_new_privileges=True,
        grace=30,
        memory=(row["memory"]["request"], row["memory"]["limit"]),
        cpu=(row["cpu"]["request"], row["cpu"]["limit"]),
        image=expected("registry", answers["registry"])["image"],
    )


def test_every_artefact_says_the_same(combination: Answers, project: Path) -> None:
    terms_wanted, said = wanted(combination), set()
    for name, read in ARTEFACTS.items():
        terms = read(project)
        for field in fields(Terms):
            value = getattr(terms, field.name)
            if value is not None:
                assert value == getattr(terms_wanted, field.name), f"{name}: {field.name}"
                said.add(field.name)
    assert said == {field.name for field in fields(Terms)}, "a term that no artefact speaks of"


def test_what_is_asked_fits_into_the_limit() -> None:
    for name, row in TEMPLATE.table("languages").items():
        for resource in ("memory", "cpu"):
            assert 0 < row[resource]["request"] <= row[resource]["limit"], (name, resource)


def test_the_image_name_is_the_same_everywhere(combination: Answers, project: Path) -> None:
    image = str(wanted(combination).image)
    for name in ("Makefile", "deploy/README.md", ".github/workflows/ci.yml", "docker-compose.yml"):
        assert image in (project / name).read_text(), name


def test_the_dockerfile_keeps_its_form(project: Path) -> None:
    text = (project / "Dockerfile").read_text()
    stages = re.findall(r"^FROM \S+ AS (\S+)", text, re.MULTILINE)
    assert stages[-1] == "runtime", "the default target must be what production runs"
    assert [stage for stage in stages if stage in {"deps", "build", "lint", "test", "runtime"}] == [
        "deps",
        "build",
        "lint",
        "test",
        "runtime",
    ]
    assert len(re.findall(r"^FROM ", text, re.MULTILINE)) == len(stages), "a stage without a name"
    assert "# syntax=" not in text, "would fetch a frontend at every build"
    for command in ("apt-get", "apk ", "dnf ", "yum "):
        assert command not in text, "no stage may need a package manager of a distribution"


def test_nothing_that_changes_with_every_commit_stands_before_the_dependencies(project: Path) -> None:
    text = (project / "Dockerfile").read_text()
    assert text.index("ARG VERSION") > text.index("COPY --from=")
    assert text.index("ARG VERSION") > text.index(" AS runtime")
    assert text.index("LABEL ") > text.index(" AS runtime")


def test_health_and_start_are_commands_without_a_shell(project: Path) -> None:
    text = (project / "Dockerfile").read_text()
    (health,) = instruction(text, "HEALTHCHECK")
    (start,) = instruction(text, "ENTRYPOINT")
    assert re.search(r'CMD \[".+"\]$', health)
    assert re.fullmatch(r'\[".+"\]', start)
    for command in (health, start):
        for word in ("curl", "wget", '"sh"', '"/bin/sh"', "bash"):
            assert word not in command


def test_the_image_is_labelled_as_oci_says(combination: Answers, project: Path) -> None:
    # https://specs.opencontainers.org/image-spec/annotations/
    (label,) = instruction((project / "Dockerfile").read_text(), "LABEL")
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="((?:[^"\\]|\\.)*)"', label))
    assert labels == {
        "title": ORDERS["service_name"],
        "description": ORDERS["service_description"],
        "source": f"https://github.com/{ORDERS['repository']}",
        "licenses": ORDERS["license"],
    }


def test_the_database_has_no_default_password_and_no_privilege(combination: Answers, project: Path) -> None:
    stack = compose(project)
    if TEMPLATE.table("languages")[combination["language"]]["databases"] == ["none"]:
        assert set(stack["services"]) == {"app"}
        return
    database = stack["services"]["database"]
    assert not [name for name in database["environment"] if "PASSWORD" in name and not name.endswith("_FILE")]
    assert "ports" not in database, "reachable from the stack only"
    assert database["read_only"]
    assert database["cap_drop"] == ["ALL"]
    assert database["user"].split(":")[0] not in {"0", "root"}
    # PostgreSQL 18's image keeps its data in a folder of its major version, one level below
    assert "database:/var/lib/postgresql" in database["volumes"]
    secret = stack["secrets"]["database_password"]["file"]
    assert f"{secret.split('/')[0]}/" in (project / ".gitignore").read_text()


def test_the_service_is_reached_from_this_machine_only(project: Path) -> None:
    assert all(port.startswith("127.0.0.1:") for port in compose(project)["services"]["app"]["ports"])

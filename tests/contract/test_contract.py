"""docs/contract.md, read out of every rendered artefact and compared."""

import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml
from shipshape.template import Answers

from tests.contract.artefacts import ARTEFACTS, Terms, compose, instruction
from tests.support.render import ORDERS, TEMPLATE

IMAGES = {
    "ghcr": "ghcr.io/octo-org/shop/orders-api",
    "dockerhub": "docker.io/octo-org/shop/orders-api",
    "ecr": "123456789012.dkr.ecr.us-east-1.amazonaws.com/orders-api",
    "private": "registry.example.com/octo-org/shop/orders-api",
}


def expected(answers: Answers) -> Terms:
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
        image=IMAGES[answers["registry"]],
    )


def test_every_artefact_says_the_same(combination: Answers, project: Path) -> None:
    wanted, said = expected(combination), set()
    for name, read in ARTEFACTS.items():
        terms = read(project)
        for field in fields(Terms):
            value = getattr(terms, field.name)
            if value is not None:
                assert value == getattr(wanted, field.name), f"{name}: {field.name}"
                said.add(field.name)
    assert said == {field.name for field in fields(Terms)}, "a term that no artefact speaks of"


def test_what_is_asked_fits_into_the_limit() -> None:
    for name, row in TEMPLATE.table("languages").items():
        for resource in ("memory", "cpu"):
            assert 0 < row[resource]["request"] <= row[resource]["limit"], (name, resource)


def test_the_image_name_is_the_same_everywhere(combination: Answers, project: Path) -> None:
    image = str(expected(combination).image)
    for name in ("Makefile", "README.md", ".github/workflows/ci.yml", "docker-compose.yml"):
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


def test_the_database_has_no_default_password_and_no_privilege(project: Path) -> None:
    stack = compose(project)
    database = stack["services"]["database"]
    assert not [name for name in database["environment"] if "PASSWORD" in name and not name.endswith("_FILE")]
    assert "ports" not in database, "reachable from the stack only"
    assert database["read_only"]
    assert database["cap_drop"] == ["ALL"]
    assert database["user"].split(":")[0] not in {"0", "root"}
    # PostgreSQL 18's image keeps its data in a folder of its major version, one level below
    assert database["volumes"] == ["database:/var/lib/postgresql"]
    secret = stack["secrets"]["database_password"]["file"]
    assert f"{secret.split('/')[0]}/" in (project / ".gitignore").read_text()


def test_the_service_is_reached_from_this_machine_only(project: Path) -> None:
    assert all(port.startswith("127.0.0.1:") for port in compose(project)["services"]["app"]["ports"])


def test_least_permissions(project: Path) -> None:
    for path in (project / ".github/workflows").glob("*.yml"):
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] == {}, path.name
        assert workflow["concurrency"]["group"], path.name
        for name, job in workflow["jobs"].items():
            assert job["permissions"], f"{path.name}: {name}"
            assert job["timeout-minutes"] <= 30, f"{path.name}: {name}"


READ = {"contents": "read"}
PACKAGES, OIDC = {"packages": "write"}, {"id-token": "write"}
# What each job of the pipeline may do, and the registries whose own login asks for more.
PERMISSIONS = {
    "dependencies": ({}, READ),
    "image": ({}, READ),
    "scan": ({}, READ | {"actions": "read", "security-events": "write"}),
    "publish": ({"ghcr": PACKAGES}, READ | OIDC),
    "deploy": ({}, {"actions": "write"}),
    "release": ({"ghcr": PACKAGES, "dockerhub": OIDC, "ecr": OIDC}, READ),
    "report": ({}, {"issues": "write"}),
}
# What reads an image from each registry, and what deploys with each orchestrator.
PULL: dict[str, dict[str, str]] = {"ghcr": {"packages": "read"}, "dockerhub": OIDC, "ecr": OIDC, "private": {}}
DEPLOY: dict[str, dict[str, str]] = {"compose": {}, "kubernetes": {}, "ecs": OIDC}


def jobs_of(project: Path, workflow: str) -> dict[str, Any]:
    jobs: dict[str, Any] = yaml.safe_load((project / f".github/workflows/{workflow}.yml").read_text())["jobs"]
    return jobs


def test_each_job_may_do_what_the_table_says(combination: Answers, project: Path) -> None:
    wanted = {name: own | more.get(combination["registry"], {}) for name, (more, own) in PERMISSIONS.items()}
    assert {name: job["permissions"] for name, job in jobs_of(project, "ci").items()} == wanted


def test_each_deploying_job_may_read_the_image_and_take_its_role(combination: Answers, project: Path) -> None:
    wanted = READ | PULL[combination["registry"]] | DEPLOY[combination["orchestrator"]]
    deploying = jobs_of(project, "deploy") | jobs_of(project, "rollback")
    assert deploying.keys() == {"staging", "production", "rollback"}
    for name, job in deploying.items():
        assert job["permissions"] == wanted, name


def test_every_environment_gets_a_verified_digest_and_nothing_else(combination: Answers, project: Path) -> None:
    orchestrator = combination["orchestrator"]
    deploying = jobs_of(project, "deploy") | jobs_of(project, "rollback")
    for name, job in deploying.items():
        commands = [step["run"] for step in job["steps"] if "run" in step]
        script = "rollback" if name == "rollback" else "deploy"
        assert commands.index('scripts/verify.sh "$IMAGE@$DIGEST"') < len(commands) - 1, name
        assert commands[-1] == f'deploy/{orchestrator}/{script}.sh "$ENVIRONMENT" "$IMAGE@$DIGEST"', name
        assert job["environment"] == job["env"]["ENVIRONMENT"] == job["concurrency"], name
        # nobody deploys what another branch's workflow says
        assert "needs" in job or job["if"] == "github.ref == 'refs/heads/main'", name
    assert jobs_of(project, "deploy")["production"]["needs"] == "staging"
    for workflow in ("deploy", "rollback"):
        triggers = yaml.safe_load((project / f".github/workflows/{workflow}.yml").read_text())[True]
        assert triggers.keys() == {"workflow_dispatch"}, "started by the pipeline or a person, by nothing from outside"
    folder = project / "deploy" / orchestrator
    for script in ("deploy.sh", "rollback.sh"):
        assert (folder / script).stat().st_mode & 0o111, script


def test_the_pipeline_deploys_what_it_pushed(project: Path) -> None:
    job = jobs_of(project, "ci")["deploy"]
    assert job["needs"] == "publish"
    (step,) = job["steps"]
    assert step["env"]["DIGEST"] == "${{ needs.publish.outputs.digest }}"
    assert step["run"].startswith("gh workflow run deploy.yml ")


def test_scanners_are_kept_from_credentials(project: Path) -> None:
    """No job that runs what reads foreign data holds a token that pushes or signs, and no secret reaches it."""
    jobs = yaml.safe_load((project / ".github/workflows/ci.yml").read_text())["jobs"]
    for name in ("dependencies", "image", "scan"):
        text = yaml.safe_dump(jobs[name])
        assert not {"id-token", "packages"} & set(jobs[name]["permissions"]), name
        assert "secrets." not in text, name
        assert "login" not in text, name


def test_a_pull_request_pushes_nothing(project: Path) -> None:
    workflow = yaml.safe_load((project / ".github/workflows/ci.yml").read_text())
    assert "pull_request_target" not in workflow[True]  # YAML 1.1 reads the key `on` as true
    for name, job in workflow["jobs"].items():
        if set(job["permissions"]) & {"packages", "id-token"}:
            assert job["if"].startswith("github.event_name == 'push' && "), name


def test_one_image_from_build_to_push(project: Path) -> None:
    """Only the job `image` builds; what it saved is what the others take."""
    jobs = yaml.safe_load((project / ".github/workflows/ci.yml").read_text())["jobs"]
    builds = [name for name, job in jobs.items() if "build-push-action" in yaml.safe_dump(job)]
    assert builds == ["image"]
    assert set(jobs["publish"]["needs"]) == {"image", "scan"}
    assert "latest" not in yaml.safe_dump(jobs)


def test_accepted_findings_are_about_files_that_are_there(combination: Answers, project: Path) -> None:
    """Read from Trivy's checks (github.com/aquasecurity/trivy-checks v1.10.0), for Trivy itself can't be run here."""
    accepted = yaml.safe_load((project / ".trivyignore.yaml").read_text()) or {}
    ids = {finding["id"] for finding in accepted.get("misconfigurations", [])}
    assert (
        ids
        == {"compose": set(), "kubernetes": {"KSV-0056"}, "ecs": {"AWS-0053", "AWS-0095"}}[combination["orchestrator"]]
    )
    for finding in accepted.get("misconfigurations", []):
        assert finding["statement"]
        assert all((project / path).exists() for path in finding["paths"])


def test_dependabot_looks_wherever_compose_names_images(rendered: Callable[[Answers], Path]) -> None:
    for orchestrator in TEMPLATE.table("orchestrators"):
        answers = {"language": "python", "orchestrator": orchestrator, "dependency_updates": "dependabot"}
        project = rendered(answers)
        updates = yaml.safe_load((project / ".github/dependabot.yml").read_text())["updates"]
        (folders,) = (one["directories"] for one in updates if one["package-ecosystem"] == "docker-compose")
        named = {f"/{path.parent.relative_to(project)}".replace("/.", "/") for path in project.rglob("*compose*.y*ml")}
        assert set(folders) == named

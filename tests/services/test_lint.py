"""The linters find nothing in a repository of two services, all of whose files they see together."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lint.test_lint import by_tag
from tests.support.run.linted import IsNew, shellcheck
from tests.support.tools import go_tool, run

NAMES = ("orders", "payments")


def test_actionlint(repository: Path, tmp_path: Path) -> None:
    folder = by_tag(repository, tmp_path / "by-tag")
    names = sorted(str(path.relative_to(folder)) for path in folder.glob(".github/workflows/*.yml"))
    assert len(names) == 12
    run([go_tool("actionlint"), "-color", "-config-file", ".github/actionlint.yaml", *names], cwd=folder)


def test_zizmor(repository: Path) -> None:
    run(["zizmor", "--persona=auditor", "--offline", "--no-progress", str(repository)])


def test_shellcheck(repository: Path, is_new: IsNew) -> None:
    for name in NAMES:
        folder = repository / "services" / name
        shellcheck(folder, folder.rglob("*.sh"), is_new)


def test_cfn_lint(repository: Path) -> None:
    templates = [str(path) for path in repository.glob("services/*/deploy/e*/*.yml")]
    if templates:
        run(["cfn-lint", "--include-checks", "I", "--", *templates])


@pytest.mark.parametrize(
    ("schema", "pattern"),
    [
        ("github-workflows", ".github/workflows/*.yml"),
        ("renovate", "renovate.json"),
        ("dependabot", ".github/dependabot.yml"),
        ("compose-spec", "compose.yaml"),
        ("compose-spec", "services/*/docker-compose.yml"),
    ],
)
def test_the_schemas_of(repository: Path, schema: str, pattern: str) -> None:
    paths = [str(path) for path in repository.glob(pattern)]
    if paths:
        run(["check-jsonschema", "--builtin-schema", f"vendor.{schema}", *paths])


def test_text_is_tidy(repository: Path) -> None:
    for path in repository.rglob("*.y*ml"):
        text = path.read_text()
        assert "\n\n\n" not in text, path
        assert not any(line != line.rstrip() for line in text.splitlines()), path
        assert not text.startswith("\n"), path
        assert "jobs:\n\n" not in text, path


def compose(folder: Path, *arguments: str) -> dict[str, Any]:
    if not shutil.which("docker"):
        pytest.skip("Compose puts the files together")
    command = ["docker", "compose", *arguments, "config", "--format", "json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "a warning"
    found: dict[str, Any] = yaml.safe_load(done.stdout)
    return found


def test_one_stack_of_all_services(repository: Path, tmp_path: Path) -> None:
    """Compose refuses an `include` of two files that say one name: https://github.com/docker/compose/issues/10841."""
    whole = compose(repository, "--profile", "*")
    parts = [compose(repository / "services" / name, "--profile", "*") for name in NAMES]
    for kind in ("services", "volumes", "secrets"):
        together = [name for part in parts for name in part.get(kind, {})]
        assert len(together) == len(set(together)), kind
        assert set(whole.get(kind, {})) == set(together), kind
    assert {whole["name"], *(part["name"] for part in parts)} == {"shop-front-dev"}, (
        "the same containers and volumes, from here or there"
    )
    for part in parts:
        for name, service in part["services"].items():
            here = dict(whole["services"][name])
            assert here == service, f"{name} would be made anew when it is started from the other folder"
        for kind in ("networks", "volumes", "secrets"):
            for name, says in part.get(kind, {}).items():
                assert whole[kind][name] == says


def test_ports_are_distinct_and_this_machine_s_alone(repository: Path) -> None:
    services = compose(repository)["services"]
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}
    published = [port["published"] for port in ports]
    assert len(published) == len(set(published)) == 2
    scripts = [(repository / f"services/{name}/scripts/dev.sh").read_text() for name in NAMES]
    assert all(f"PORT=${{HOST_PORT:-{port}}}" in script for port, script in zip(published, scripts, strict=True))
    assert all(20000 <= int(port) < 25000 for port in published), (
        "below what the kernel gives away, and Kubernetes' NodePorts"
    )


def test_a_database_is_its_own_service_s_alone(repository: Path) -> None:
    services = compose(repository, "--profile", "*")["services"]
    shared = {name for name, service in services.items() if "default" in service["networks"]}
    assert shared == set(NAMES)
    for name in NAMES:
        for other in (part for part in services if part.startswith(f"{name}-")):
            assert set(services[other]["networks"]) == {f"{name}-database"}
        if f"{name}-database" in services:
            assert set(services[name]["networks"]) == {"default", f"{name}-database"}
            assert f"@{name}-database:5432/" in services[name]["environment"]["DATABASE_URL"]

"""A member of a workspace is built with what lies above it, whatever the language: its folder alone says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from shipshape.adopt.answers import answers
from shipshape.adopt.refuse import refusal
from shipshape.detect import detect

from tests.detect.conftest import Repositories

WEB = '[project]\nname = "orders-api"\ndependencies = ["fastapi", "uvicorn", "greetings"]\n'
APP = "from fastapi import FastAPI\napp = FastAPI()\n"
PYTHON = {
    "pyproject.toml": '[tool.uv.workspace]\nmembers = ["services/*", "lib"]\nexclude = ["services/old"]\n',
    "uv.lock": "version = 1\n",
    "services/api/pyproject.toml": WEB,
    "services/api/src/api/main.py": APP,
    "services/old/pyproject.toml": WEB,
    "services/old/main.py": APP,
    "lib/pyproject.toml": '[project]\nname = "greetings"\n',
    ".python-version": "3.14\n",
}
NODE = {
    "package.json": '{"private": true, "workspaces": ["services/*"], "engines": {"node": "24"}}',
    "package-lock.json": "{}",
    "services/api/package.json": '{"name": "@shop/api", "scripts": {"start": "node server.js"}}',
    "services/api/server.js": "require('http').createServer().listen(3000)\n",
}
PNPM = {
    **{path: text for path, text in NODE.items() if path != "package-lock.json"},
    "package.json": '{"private": true, "packageManager": "pnpm@10.1.0", "engines": {"node": "24"}}',
    "pnpm-lock.yaml": "lockfileVersion: '9.0'\n",
    "pnpm-workspace.yaml": "packages:\n  - services/*\n",
}
CARGO = {
    "Cargo.toml": '[workspace]\nmembers = ["services/*"]\n',
    "Cargo.lock": "version = 4\n",
    "services/api/Cargo.toml": '[package]\nname = "orders"\n[dependencies]\naxum = "0.8"\n',
    "services/api/src/main.rs": 'fn main() { TcpListener::bind("0.0.0.0:3000"); }\n',
}
PARENT = "<parent><groupId>x</groupId><artifactId>shop</artifactId><version>1</version></parent>"
MAIN = "class A { public static void main(String[] a) {} }\n"
MAVEN = {
    "pom.xml": "<project><artifactId>shop</artifactId><packaging>pom</packaging>"
    "<modules>\n<module>services/api</module></modules></project>",
    "services/api/pom.xml": f"<project>{PARENT}<artifactId>api</artifactId></project>",
    "services/api/src/main/java/A.java": MAIN,
}
GRADLE = {
    "settings.gradle.kts": 'rootProject.name = "shop"\ninclude("services:api")\n',
    "gradlew": "",
    "services/api/build.gradle.kts": 'plugins { application }\njava { sourceCompatibility = "21" }\n',
    "services/api/src/main/java/A.java": MAIN,
}
KINDS = {
    "uv": (PYTHON, "uv workspace of service (pyproject.toml:1)", ""),
    "npm": (NODE, "npm or yarn workspace of service (package.json:1)", ""),
    "pnpm": (PNPM, "pnpm workspace of service (pnpm-workspace.yaml:1)", ""),
    "cargo": (CARGO, "Cargo workspace of service (Cargo.toml:1)", " with --data rust_package=orders"),
    "maven": (MAVEN, "Maven workspace of service (pom.xml:2)", " with --data module=services/api"),
    "gradle": (GRADLE, "Gradle workspace of service (settings.gradle.kts:2)", " with --data module=services/api"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_member_is_adopted_where_its_lock_file_is(repository: Repositories, kind: str) -> None:
    files, place, option = KINDS[kind]
    folder = repository(files)
    refused = detect(folder / "services/api").refusals
    said = f"it is a member of the {place}, and is built from there: adopt that folder ({folder}){option}"
    assert [(one.reason, one.message) for one in refused] == [("workspace", said)]
    assert detect(folder).refusals == []


def test_the_folder_to_adopt_is_named_from_where_one_is(
    repository: Repositories, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = repository(CARGO)
    for here, argument, there in ((folder, "services/api", "."), (folder / "services/api", ".", "../..")):
        monkeypatch.chdir(here)
        assert f"adopt that folder ({there})" in detect(Path(argument)).refusals[0].message


@pytest.mark.parametrize(
    ("files", "folder"),
    [
        (PYTHON, "services/old"),
        ({**PYTHON, "services/api/uv.lock": ""}, "services/api"),
        ({**NODE, "services/api/package-lock.json": "{}"}, "services/api"),
        ({**CARGO, "services/api/Cargo.lock": ""}, "services/api"),
        ({**MAVEN, "services/api/pom.xml": MAVEN["services/api/pom.xml"].replace("shop", "boot")}, "services/api"),
        (
            {
                **NODE,
                "services/api/Dockerfile": "FROM node:24\nEXPOSE 3000\nCMD node server.js\n",
                "compose.yaml": "services: {api: {build: services/api}, page: {build: page}}",
            },
            "services/api",
        ),
    ],
)
def test_what_is_built_alone_is_no_member(repository: Repositories, files: dict[str, str], folder: str) -> None:
    assert detect(repository(files) / folder).refusals == []


def test_its_owner_may_know_better(repository: Repositories) -> None:
    folder = repository(NODE) / "services/api"
    report = detect(folder)
    assert refusal(folder, report, {}, own_image=False) is not None
    assert refusal(folder, report, {"manager": "npm"}, own_image=False) is None


@pytest.mark.parametrize(
    ("kind", "name"), [("uv", "pyproject.toml"), ("npm", "package.json"), ("pnpm", "package.json")]
)
def test_the_manifests_of_all_members_are_there_to_install(repository: Repositories, kind: str, name: str) -> None:
    report = detect(repository(KINDS[kind][0]))
    assert f"services/api/{name}" in report.value("sources")
    assert "services/old/pyproject.toml" not in report.value("sources")


def test_the_member_of_uv_that_serves_is_installed_and_started(repository: Repositories) -> None:
    report = detect(repository(PYTHON))
    found = {one.name: one.value for one in answers(report)}
    assert (found["manager"], found["language_version"]) == ("uv", "3.14")
    start = "uvicorn --host 0.0.0.0 --port 8000 --app-dir services/api/src api.main:app"
    assert found["start_command"] == start
    assert found["build_command"] == "uv sync --locked --no-dev --no-editable --inexact --package orders-api"

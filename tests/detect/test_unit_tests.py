"""Tests of Go, Rust and Java: proposed with the command that every toolchain has, and never switched on unasked."""

from __future__ import annotations

from pathlib import Path

import pytest
from shipshape.detect import detect

from tests.detect.conftest import write

GO = {"go.mod": "module x\n", "main.go": "package main\n\nfunc main() {}\n"}
GO_TEST = "package main\n\nfunc TestIt(t *testing.T) {}\n"
RUST = {"Cargo.toml": '[package]\nname = "x"\n', "Cargo.lock": "", "src/main.rs": "fn main() {}\n"}
MAVEN = {"pom.xml": "<project/>", "src/main/java/A.java": "public static void main(String[] a) {}"}
GRADLE = {"build.gradle": "plugins { id 'application' }", "src/main/java/A.java": MAVEN["src/main/java/A.java"]}
JAVA_TEST = {"src/test/java/ATest.java": "class ATest {\n  @Test\n  void it() {}\n}\n"}


def notes(folder: Path, files: dict[str, str]) -> list[str]:
    report = detect(write(folder, files))
    assert "test_command" not in report.facts
    return [note for note in report.notes if note.startswith("tests are there")]


@pytest.mark.parametrize(
    ("files", "place", "command"),
    [
        ({**GO, "a_test.go": GO_TEST, "b/b_test.go": GO_TEST}, "a_test.go and 1 more", "go test ./..."),
        ({**GO, "a_test.go": f'{GO_TEST}\nvar _ = os.Setenv("DATABASE_URL", "")\n'}, "a_test.go", "go test ./..."),
        (
            {**GO, "a_test.go": GO_TEST, "b_test.go": f"//go:build integration\n\n{GO_TEST}"},
            "a_test.go",
            "go test ./...",
        ),
        ({**RUST, "tests/api.rs": "#[tokio::test]\nasync fn it() {}\n"}, "tests/api.rs", "cargo test --locked"),
        ({**RUST, "src/a.rs": "mod tests {\n    #[test]\n    fn it() {}\n}\n"}, "src/a.rs", "cargo test --locked"),
        (
            {**RUST, "Cargo.toml": '[package]\nname = "x"\n[workspace]\n', "src/a.rs": "#[test]\nfn it() {}\n"},
            "src/a.rs",
            "cargo test --locked --workspace",
        ),
        ({**MAVEN, **JAVA_TEST}, "src/test/java/ATest.java", "mvn test"),
        ({**MAVEN, **JAVA_TEST, "mvnw": ""}, "src/test/java/ATest.java", "sh mvnw test"),
        ({**GRADLE, **JAVA_TEST, "gradlew": ""}, "src/test/java/ATest.java", "sh gradlew test"),
    ],
)
def test_the_command_that_every_toolchain_has_is_proposed(
    tmp_path: Path, files: dict[str, str], place: str, command: str
) -> None:
    said = f"tests are there ({place}), and nothing runs them: answer --data 'test_command={command}', if none of them"
    assert notes(tmp_path, files) == [f"{said} needs a database"]


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({**GO, "a_test.go": GO_TEST, "b_test.go": f'{GO_TEST}\nvar url = os.Getenv("DATABASE_URL")\n'}, "b_test.go:5"),
        ({**RUST, "tests/api.rs": "#[sqlx::test]\nasync fn it() {}\n"}, "tests/api.rs:1"),
        ({**GO, "a_test.go": f'{GO_TEST}\nvar db, _ = sql.Open("pgx", url)\n'}, "a_test.go:5"),
        (
            {**MAVEN, "src/test/java/ATest.java": "import org.testcontainers.A;\nclass A { @Test void a() {} }"},
            "src/test/java/ATest.java:1",
        ),
    ],
)
def test_what_needs_a_service_is_named(tmp_path: Path, files: dict[str, str], place: str) -> None:
    (said,) = notes(tmp_path, files)
    assert said.endswith(f", but {place} seems to need a service, which no build has: name those that need none")


@pytest.mark.parametrize(
    "files",
    [
        {**GO, "a_test.go": f"//go:build integration\n\n{GO_TEST}"},
        GO,
        RUST,
        MAVEN,
        {**GO, "a_test.go": "package main\n"},
        {**GO, "a_test.go": GO_TEST, "Dockerfile": 'FROM golang:1.27\nEXPOSE 8080\nCMD ["/x"]\n'},
    ],
)
def test_nothing_is_proposed_where_there_is_nothing_to_run(tmp_path: Path, files: dict[str, str]) -> None:
    assert notes(tmp_path, files) == []

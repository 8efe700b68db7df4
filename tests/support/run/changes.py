"""Prints the tests that the changed files can break: those of the working tree, and of the commits since `main`."""

import subprocess
from fnmatch import fnmatch

from tests.support.paths import ROOT

RENDERED = ["tests/render", "tests/contract"]
# What a change of a file can break; the first pattern that fits counts. `*` stands for folders too.
BREAKS: list[tuple[str, list[str]]] = [
    ("tests/support/aws/*", ["tests/ecs"]),
    ("tests/support/cluster/*", ["tests/kubernetes"]),
    ("tests/support/prometheus.py", ["tests/dashboards"]),
    ("tests/support/contract.py", ["tests/dashboards"]),
    ("tests/dashboards/*", ["tests/dashboards"]),
    ("tests/support/*", RENDERED),
    ("tests/*/conftest.py", ["{folder}"]),
    ("tests/*/test_*.py", ["{path}"]),
    ("template/questions/*", ["tests/questions", "tests/render"]),
    ("template/tables/*", ["tests/questions", *RENDERED]),
    ("copier.yml", ["tests/questions", "tests/update", "tests/render"]),
    ("tests/adopt/*", ["tests/adopt"]),
    ("template/project/{{ only.yours*", ["tests/adopt"]),
    ("template/*/code.yml", ["tests/adopt", "tests/questions"]),
    ("template/partials/layout/*", ["tests/services", "tests/lint"]),
    ("template/*dashboard*", ["tests/dashboards", "tests/kubernetes", "tests/render"]),
    ("template/*panels.json.jinja", ["tests/dashboards", "tests/render"]),
    ("docs/contract.md", ["tests/dashboards", "tests/render"]),
    ("template/*ecs*", ["tests/ecs", "tests/render"]),
    ("template/*lambda*", ["tests/ecs", *RENDERED]),
    ("template/partials/database_access/*", ["tests/ecs", *RENDERED]),
    ("template/*kubernetes*", ["tests/kubernetes", "tests/render"]),
    ("template/*{{ given.aws }}*", ["tests/ecs", *RENDERED]),
    ("template/partials/host_machine/*", ["tests/ecs", "tests/host", *RENDERED]),
    ("template/*compose*", ["tests/host", *RENDERED]),
    ("template/project/.github/*", [*RENDERED, "tests/lint", "tests/workflows", "tests/services"]),
    ("template/project/{{ given.several }}/*", ["tests/services"]),
    ("template/project/{{ only.several }}/*", ["tests/services"]),
    ("template/*", [*RENDERED, "tests/lint"]),
    ("extensions/shipshape/audit/*", ["tests/audit"]),
    ("extensions/shipshape/detect/*", ["tests/detect"]),
    ("extensions/shipshape/adopt/*", ["tests/detect"]),
    ("tests/detect/*", ["tests/detect"]),
    ("extensions/*", ["tests/audit", "tests/detect", "tests/tool", "tests/questions"]),
    ("examples/*", ["tests/render/test_examples.py"]),
    (".github/*", ["tests/render/test_pins.py", "tests/lint"]),
    (".ci/*", ["tests/lint"]),
    ("docs/*", ["tests/questions", "tests/render"]),
    ("*.md", ["tests/questions", "tests/render"]),
]
ALWAYS = ["tests/render/test_pins.py"]


def changed() -> list[str]:
    def git(*arguments: str) -> list[str]:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.splitlines() if done.returncode == 0 else []

    base = next(iter(git("merge-base", "HEAD", "origin/main")), "HEAD")
    return sorted({*git("diff", "--name-only", base), *git("ls-files", "--others", "--exclude-standard")})


def breaks(path: str) -> list[str]:
    """The tests that a change of the file can break, as arguments of pytest."""
    for pattern, tests in BREAKS:
        if fnmatch(path, pattern):
            return [test.format(path=path, folder=path.rpartition("/")[0]) for test in tests]
    return []


def main() -> None:
    tests = {test for path in changed() for test in breaks(path)} or set(ALWAYS)
    there = sorted(test for test in tests if (ROOT / test).exists())
    # a folder stands for the files in it
    print(*[test for test in there if not any(test != other and test.startswith(f"{other}/") for other in there)])


if __name__ == "__main__":
    main()

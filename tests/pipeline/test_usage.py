"""Every script says how to call it."""

from pathlib import Path

import pytest

from tests.pipeline.run import Pipeline
from tests.support.paths import ROOT

pytestmark = pytest.mark.engine

SCRIPTS = sorted(
    {
        path.name.removesuffix(".jinja")
        for folder in ("{{ service_path }}/{{ scripts }}", "{{ only.starter }}/scripts")
        for path in (ROOT / "template/project" / folder).iterdir()
    }
    - {"lib.sh"}
)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_says_what_it_needs(pipeline: Pipeline, script: str) -> None:
    result = pipeline.run(f"scripts/{script}", GITHUB_RUN_ID="", GITHUB_REPOSITORY="")
    if script not in {"provenance.sh", "check-repository.sh"}:  # which take no arguments
        assert result.returncode == 2
        assert result.stderr.startswith(f"Usage: scripts/{script} ")
        assert len(result.stderr.splitlines()) == 1
    if script != "integration.sh":  # which is its owner's, and needs nothing of ours
        described = pipeline.succeed(f"scripts/{script}", "--help")
        assert f"\nUsage: scripts/{script}" in described
        assert "shellcheck" not in described


def test_no_script_reads_a_line_by_its_number(pipeline: Pipeline) -> None:
    for path in Path(pipeline.project).rglob("*.sh"):
        if path.parent.name == "scripts":
            assert "sed -n '4s" not in path.read_text()

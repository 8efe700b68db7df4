"""What looks after a service: accepted findings of the scan, and Dependabot."""

from collections.abc import Callable
from pathlib import Path

import yaml
from shipshape.template import Answers

from tests.support.expectations import expected
from tests.support.render import TEMPLATE


def test_accepted_findings_are_about_files_that_are_there(combination: Answers, project: Path) -> None:
    """Read from Trivy's checks (github.com/aquasecurity/trivy-checks v1.10.0), for Trivy itself can't be run here."""
    accepted = yaml.safe_load((project / ".trivyignore.yaml").read_text()) or {}
    ids = {finding["id"] for finding in accepted.get("misconfigurations", [])}
    assert ids == set(expected("orchestrator", combination["orchestrator"])["accepted_findings"])
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

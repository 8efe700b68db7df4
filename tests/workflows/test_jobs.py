"""What the jobs hand on: one image, tested, then published, then deployed by its digest."""

from pathlib import Path

import yaml
from shipshape.template import Answers

from tests.workflows.workflow import jobs_of, workflows


def test_one_image_from_build_to_push(project: Path) -> None:
    """Only the job `image` builds; what it saved is what the others take."""
    jobs = jobs_of(project, "ci")
    builds = [name for name, job in jobs.items() if "build-push-action" in yaml.safe_dump(job)]
    assert builds == ["image"]
    assert set(jobs["publish"]["needs"]) == {"image", "scan"}
    assert "latest" not in yaml.safe_dump(jobs)


def test_the_pipeline_deploys_what_it_pushed(project: Path) -> None:
    job = jobs_of(project, "ci")["deploy"]
    assert job["needs"] == "publish"
    (step,) = job["steps"]
    assert step["env"]["DIGEST"] == "${{ needs.publish.outputs.digest }}"
    assert step["run"].startswith("gh workflow run deploy.yml ")


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
        triggers = workflows(project)[workflow][True]
        assert triggers.keys() == {"workflow_dispatch"}, "started by the pipeline or a person, by nothing from outside"
    folder = project / "deploy" / orchestrator
    for script in ("deploy.sh", "rollback.sh"):
        assert (folder / script).stat().st_mode & 0o111, script

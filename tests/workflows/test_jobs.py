"""What the jobs hand on: one image, tested, then published, then deployed by its digest."""

import re
from pathlib import Path

import yaml
from shipshape.template import Answers

from tests.workflows.workflow import Workflow, commands, jobs_of, workflows


def test_one_image_from_build_to_push(project: Path) -> None:
    """Only the builder builds; what it saved is what its other jobs take."""
    builds = [
        (name, job)
        for name, workflow in workflows(project).items()
        for job, says in workflow["jobs"].items()
        if "build-push-action" in yaml.safe_dump(says)
    ]
    assert builds == [("build", "image")]
    assert set(jobs_of(project, "build")["publish"]["needs"]) == {"image", "scan"}
    assert not re.search(r":latest\b", (project / ".github/workflows/build.yml").read_text())


def test_the_builder_takes_no_input_and_its_caller_adds_no_step(project: Path) -> None:
    builder = workflows(project)["build"]
    assert builder[True].keys() == {"workflow_call"}
    assert "inputs" not in builder[True]["workflow_call"]
    call = jobs_of(project, "ci")["build"]
    assert call["uses"] == "./.github/workflows/build.yml"
    assert not {"with", "steps", "strategy"} & call.keys()


def test_what_passes_between_jobs_is_known_by_its_checksum(combination: Answers, project: Path) -> None:
    jobs = jobs_of(project, "build")
    for producer, consumers in {"image": ("scan", "publish"), "scan": ("publish",)}.items():
        for arch, says in jobs[producer]["outputs"].items():
            assert re.search(rf"steps\.\w+\.outputs\.{arch} ", says)
            for consumer in consumers:
                assert f"needs.{producer}.outputs.{arch} " in jobs[consumer]["env"]["CHECKSUMS"], (consumer, arch)
    for consumer in ("scan", "publish"):
        steps = jobs[consumer]["steps"]
        names = [str(step.get("uses", step.get("run"))) for step in steps]
        taken = next(i for i, name in enumerate(names) if name.startswith("actions/download-artifact@"))
        assert "sha256sum --check --strict" in names[taken + 1], consumer


def test_artifacts_are_small_short_lived_and_used(project: Path) -> None:
    """A private plan has 0.5 to 2 GB: https://docs.github.com/en/billing/reference/actions."""
    for name, workflow in workflows(project).items():
        text = yaml.safe_dump(workflow)
        assert text.count("actions/upload-artifact@") == 0 or "actions/download-artifact@" in text, name
        for job in workflow["jobs"].values():
            for step in job.get("steps", []):
                if step.get("uses", "").startswith("actions/upload-artifact@"):
                    assert step["with"]["retention-days"] == 1, name
                if step.get("uses", "").startswith("docker/build-push-action@"):
                    assert step["env"]["DOCKER_BUILD_RECORD_UPLOAD"] is False


def test_the_pipeline_deploys_what_it_pushed(project: Path) -> None:
    job = jobs_of(project, "ci")["deploy"]
    assert job["needs"] == "build"
    (step,) = job["steps"]
    assert step["env"]["DIGEST"] == "${{ needs.build.outputs.digest }}"
    assert 'gh workflow run deploy.yml --ref main --field "digest=$DIGEST" --field "commit=$GITHUB_SHA"' in step["run"]
    assert jobs_of(project, "build")["publish"]["outputs"] == {"digest": "${{ steps.publish.outputs.digest }}"}


def deploying(project: Path) -> dict[str, Workflow]:
    return {
        "staging": jobs_of(project, "deploy")["staging"],
        "production": jobs_of(project, "deploy")["production"],
        "rollback": jobs_of(project, "rollback")["rollback"],
    }


def test_every_environment_gets_a_verified_digest_by_the_files_of_its_commit(
    combination: Answers, project: Path
) -> None:
    orchestrator = combination["orchestrator"]
    for name, job in deploying(project).items():
        script = "rollback" if name == "rollback" else "deploy"
        steps = job["steps"]
        (verified,) = [i for i, step in enumerate(steps) if step.get("id") == "verify"]
        assert 'scripts/verify.sh "$IMAGE@$DIGEST"' in steps[verified]["run"], name
        (second,) = [i for i, step in enumerate(steps) if step.get("with", {}).get("ref")]
        assert steps[second]["with"]["ref"] == "${{ steps.verify.outputs.commit }}"
        (deployed,) = [i for i, step in enumerate(steps) if step.get("id") == script]
        assert steps[deployed]["run"] == f'deploy/{orchestrator}/{script}.sh "$ENVIRONMENT" "$IMAGE@$DIGEST"', name
        assert verified < second < deployed
        # nobody deploys what another branch's workflow says
        assert "needs" in job or job["if"] == "github.ref == 'refs/heads/main'", name
    for workflow in ("deploy", "rollback"):
        triggers = workflows(project)[workflow][True]
        assert triggers.keys() == {"workflow_dispatch"}, "started by the pipeline or a person, by nothing from outside"
    folder = project / "deploy" / orchestrator
    for script in ("deploy.sh", "rollback.sh"):
        assert (folder / script).stat().st_mode & 0o111, script


def test_a_cancelled_or_slow_deployment_is_taken_back(combination: Answers, project: Path) -> None:
    """Within ten seconds of SIGINT to the step's first process all of it is killed; then `always()` steps run.

    https://docs.github.com/en/actions/reference/workflow-cancellation-reference
    """
    for name, job in deploying(project).items():
        script = "rollback" if name == "rollback" else "deploy"
        *_, deployment, recovery = job["steps"]
        assert deployment["id"] == script
        assert deployment["timeout-minutes"] < job["timeout-minutes"], "time must be left to take it back"
        assert recovery["run"] == f'deploy/{combination["orchestrator"]}/recover.sh "$ENVIRONMENT"'
        assert recovery["if"].startswith("always() && ")
        for outcome in ("cancelled", "failure"):
            assert f"steps.{script}.outcome == '{outcome}'" in recovery["if"], name


def test_no_rollback_waits_for_an_approval_or_is_dropped(project: Path) -> None:
    """A job that waits for a reviewer is in its concurrency group already: github.com/elizaOS/eliza/issues/18092.

    Only `queue: max` lets more than one wait for the group:
    https://docs.github.com/en/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency
    """
    for name, job in deploying(project).items():
        group = {"group": job["env"]["ENVIRONMENT"], "queue": "max"}
        assert job["concurrency"] == group, name
        assert job["environment"] == job["env"]["ENVIRONMENT"], name
    jobs = jobs_of(project, "deploy")
    assert set(jobs["production"]["needs"]) == {"staging", "approve"}
    assert jobs["approve"]["environment"] == "production-approval"
    assert jobs["approve"]["concurrency"] == {"group": "production-approval", "cancel-in-progress": True}
    assert "needs.staging.outputs.commit" in jobs["approve"]["name"], "whoever approves must know what"
    assert set(jobs["approve"]["needs"]) == {"staging", "reviewers"}


def test_a_release_waits_for_an_image_that_is_still_being_built(project: Path) -> None:
    job = jobs_of(project, "ci")["release"]
    waits = re.search(r"RELEASE_WAIT:-(\d+)", (project / "scripts/release.sh").read_text())
    assert waits
    assert int(waits[1]) / 60 + 5 <= job["timeout-minutes"]
    assert any('scripts/release.sh "$IMAGE" ' in command for command in commands(job))

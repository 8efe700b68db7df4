"""What tells the owners: the one check that stands for all, and the issue about the weekly run."""

from pathlib import Path

from shipshape.template import Answers

from tests.support.render.answers import WITH_DATABASE
from tests.workflows.workflow import jobs_of, workflows


def test_one_check_stands_for_all(project: Path) -> None:
    """Names of jobs change with `platforms`; a required check that is skipped would count as passed."""
    job = jobs_of(project, "ci")["ci"]
    assert job["name"] == "ci"
    assert job["if"] == "always()"
    assert set(job["needs"]) == {"dependencies", "build"}
    (step,) = job["steps"]
    assert step == {
        "run": "exit 1",
        "if": "contains(needs.*.result, 'failure') || contains(needs.*.result, 'cancelled')",
    }
    assert "merge_group" in workflows(project)["ci"][True], "a merge queue waits for it, too"


def test_the_job_that_tests_does_so_on_a_database_too(combination: Answers, project: Path) -> None:
    """With the builder that has the layers, before the image is kept for the jobs that publish it."""
    steps = jobs_of(project, "build")["image"]["steps"]
    tests = [step for step in steps if step.get("run", "").startswith("make") and "test" in step["run"]]
    integration = [] if combination["language"] not in WITH_DATABASE else ["make test-integration"]
    assert [step["run"] for step in tests] == ["make lint test", *integration]
    assert {step["env"]["BUILDX_BUILDER"] for step in tests} == {"${{ steps.buildx.outputs.name }}"}
    assert steps.index(tests[-1]) < next(n for n, s in enumerate(steps) if "upload-artifact" in s.get("uses", ""))


def test_a_weekly_run_that_takes_too_long_is_reported(project: Path) -> None:
    """A job that takes longer than its timeout is cancelled; it has not failed."""
    job = jobs_of(project, "weekly")["report"]
    assert set(job["needs"]) == {"build", "scan"} == jobs_of(project, "weekly").keys() - {"report"}
    assert job["if"].startswith("always() && ")
    for result in ("failure", "cancelled"):
        assert f"contains(needs.*.result, '{result}')" in job["if"]


def test_a_scanner_that_fails_has_the_last_word(project: Path) -> None:
    steps = jobs_of(project, "build")["scan"]["steps"]
    for step in steps:
        if step.get("if", "").startswith("always()"):
            assert "hashFiles(" in step["if"], "would fail, too, and hide the reason"


def test_findings_are_shown_by_all_but_forks(project: Path) -> None:
    (step,) = [s for s in jobs_of(project, "build")["scan"]["steps"] if "upload-sarif" in s.get("uses", "")]
    assert "github.event.pull_request.head.repo.full_name == github.repository" in step["if"]
    assert "head.repo.fork" not in step["if"], "is never false in a repository that is a fork itself"

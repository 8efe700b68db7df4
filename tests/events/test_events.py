"""The rendered workflows, event by event: which jobs run, in which order, what is pushed and what is refused."""

import json
import re
import subprocess
from typing import Any

import pytest

from tests.events.github import GitHub, Run
from tests.pipeline.run import SOURCE, claims
from tests.support.render import git
from tests.support.run import figures
from tests.support.sigstore import Sigstore
from tests.support.tools import go_tool

pytestmark = pytest.mark.engine
with_go = pytest.mark.parametrize("github", ["go"], indirect=True, scope="module")


def image(github: GitHub) -> str:
    found = re.search(r"^IMAGE := (\S+)$", (github.repository / "Makefile").read_text(), re.MULTILINE)
    assert found
    return found[1]


def crane(*arguments: str) -> str:
    return subprocess.run([go_tool("crane"), *arguments], check=True, capture_output=True, text=True).stdout.strip()


def tags(github: GitHub) -> set[str]:
    return {tag for tag in crane("ls", image(github)).split() if not tag.startswith("sha256-")}


@pytest.fixture(scope="module")
def first(github: GitHub, keyless: Sigstore) -> Run:
    """The first push of a repository to an empty registry."""
    github.variables["DEPLOY"] = "true"
    with figures.timed("events", "push"):
        return github.send("push", identity=keyless.environment(**claims(github.head))).succeeded()


@pytest.fixture(scope="module")
def commit(github: GitHub, first: Run) -> str:
    return git(github.repository, "rev-list", "--max-parents=0", "main").strip()


@pytest.fixture(scope="module")
def digest(github: GitHub, commit: str) -> str:
    return crane("digest", f"{image(github)}:sha-{commit[:12]}")


def test_first_push(github: GitHub, first: Run, commit: str, digest: str) -> None:
    """What is built is tested, scanned, published with its signature, and goes on to staging by its digest."""
    assert set(first.results.values()) == {"success"}
    assert list(first.results)[:3] == ["image", "scan", "publish"]
    assert {"ci", "deploy"} <= set(first.results)
    assert not {"release", "report", "dependencies"} & set(first.results)
    assert [note["what"] for note in first.notes] == ["build", "findings", "login", "dispatch"]
    (build,) = first.asked("build")
    assert "ignore-error=true" in build["cache_to"]
    assert build["no_cache"] == "false"
    (dispatched,) = first.asked("dispatch")
    assert f"--field digest={digest} --field commit={commit}" in dispatched["arguments"]
    assert tags(github) == {f"sha-{commit[:12]}"}


def test_deploy(github: GitHub, commit: str, digest: str) -> None:
    """To staging, to a reviewer, to production; by the files of the commit that the image was built from."""
    github.commit("Newer files", **{"newer.txt": "newer\n"})
    github.state["environments"] = reviewed(1)
    run = github.send("workflow_dispatch", "deploy", payload=by_hand(digest=digest, commit=commit)).succeeded()
    assert list(run.results) == ["staging", "reviewers", "approve", "production"]
    assert [(note["arguments"], note["commit"]) for note in run.asked("deploy")] == [
        (f"staging {image(github)}@{digest}", commit),
        (f"production {image(github)}@{digest}", commit),
    ]
    assert not run.asked("recover")


@with_go
def test_production_without_a_reviewer_is_refused(github: GitHub, digest: str) -> None:
    """On most plans a private repository's environment lets all pass, and says nothing of it."""
    nothing: dict[str, Any] = {}
    for rules in (nothing, reviewed(0)):
        github.state["environments"] = rules
        run = github.send("workflow_dispatch", "deploy", payload=by_hand(digest=digest))
        assert run.results == {"staging": "success", "reviewers": "failure"}
        assert "production-approval has no required reviewer" in run.log
    accepted = {"ALLOW_UNREVIEWED_PRODUCTION": "true"}
    github.variables |= accepted
    try:
        run = github.send("workflow_dispatch", "deploy", payload=by_hand(digest=digest)).succeeded()
    finally:
        github.variables.pop(*accepted)
    assert len(run.asked("deploy")) == 2


@with_go
def test_an_overtaken_deployment_is_skipped(github: GitHub, digest: str) -> None:
    github.state["environments"] = reviewed(1)
    later = {"workflow": "deploy.yml", "number": 7, "displayTitle": f"Deploy {digest}"}
    github.state["runs"] = [later | {"status": "completed", "conclusion": "success"}]
    try:
        run = github.send("workflow_dispatch", "deploy", payload=by_hand(digest=digest)).succeeded()
        assert not run.asked("deploy")
        assert list(run.results) == ["staging"], "nobody is asked to approve what is overtaken"
        github.state["runs"] = [later | {"status": "completed", "conclusion": "failure"}]
        run = github.send("workflow_dispatch", "deploy", payload=by_hand(digest=digest)).succeeded()
        assert len(run.asked("deploy")) == 2, "a later one that failed has overtaken nothing"
    finally:
        github.state["runs"] = []


@with_go
def test_a_failed_deployment_is_taken_back_and_goes_no_further(github: GitHub, digest: str) -> None:
    run = github.send("workflow_dispatch", "deploy", payload=by_hand(digest=digest), FAIL="staging")
    assert run.results == {"staging": "failure"}
    assert [(note["what"], note["arguments"].split()[0]) for note in run.notes if note["what"] != "login"] == [
        ("deploy", "staging"),
        ("recover", "staging"),
    ]


@with_go
def test_another_commits_image_is_not_deployed(github: GitHub, digest: str) -> None:
    run = github.send("workflow_dispatch", "deploy", payload=by_hand(digest=digest, commit="0" * 40))
    assert run.results == {"staging": "failure"}
    assert "not from " + "0" * 40 in run.log
    assert not run.asked("deploy")


@with_go
def test_rollback(github: GitHub, commit: str, digest: str) -> None:
    run = github.send("workflow_dispatch", "rollback", payload=by_hand(environment="production", digest=digest))
    assert run.succeeded().results == {"rollback": "success"}
    assert [(note["arguments"], note["commit"]) for note in run.asked("rollback")] == [
        (f"production {image(github)}@{digest}", commit)
    ]


def test_rollback_to_an_unsigned_digest_is_refused(github: GitHub, digest: str) -> None:
    unsigned = crane("mutate", "--label=changed=yes", f"--tag={image(github)}:changed", f"{image(github)}@{digest}")
    payload = by_hand(environment="production", digest=unsigned.rpartition("@")[2])
    run = github.send("workflow_dispatch", "rollback", payload=payload)
    assert run.results == {"rollback": "failure"}
    assert "has no provenance attestation" in run.log
    assert not run.asked("rollback")
    assert not run.asked("recover"), "nothing was begun"


@with_go
def test_repeated_run_of_an_old_commit_deploys_nothing(github: GitHub, keyless: Sigstore, commit: str) -> None:
    """Whoever re-runs all jobs of an old run gets its own image again, and no deployment."""
    git(github.repository, "checkout", "--quiet", "--detach", commit)
    try:
        run = github.send("push", identity=keyless.environment(**claims(commit))).succeeded()
    finally:
        git(github.repository, "checkout", "--quiet", "main")
    assert run.results["publish"] == "success"
    assert run.results["deploy"] == "success"
    assert not run.asked("dispatch")
    assert f"main is at {github.head} by now" in run.log


def test_tag_pushed_together_with_its_commit(github: GitHub, keyless: Sigstore) -> None:
    """`git push --follow-tags` starts both runs at once: the release waits for the image and its signature."""
    head = github.commit("The commit of a release")
    git(github.repository, "tag", "--force", "v1.2.3")
    release = github.start("push", payload={"ref": "refs/tags/v1.2.3"}, RELEASE_POLL="1")
    github.send("push", identity=keyless.environment(**claims(head))).succeeded()
    run = release.wait().succeeded()
    git(github.repository, "tag", "--delete", "v1.2.3")  # which act would take for main
    assert run.results == {"release": "success", "ci": "success"}
    assert "waiting for the image" in run.log
    assert crane("digest", f"{image(github)}:1.2.3") == crane("digest", f"{image(github)}:sha-{head[:12]}")


@with_go
@pytest.mark.parametrize("origin", [SOURCE, "stranger/orders"])
def test_pull_request(github: GitHub, first: Run, origin: str) -> None:
    """Reviewed, built, tested and scanned; a fork can't show findings. Nothing is pushed, no cache is written."""
    before = tags(github)
    payload = {
        "number": 7,
        "pull_request": {"number": 7, "head": {"ref": "change", "repo": {"full_name": origin, "fork": True}}},
        "repository": {"private": False},
    }
    run = github.send("pull_request", payload=payload).succeeded()
    assert {"dependencies", "image", "scan", "ci"} == set(run.results)
    own = origin == SOURCE
    assert len(run.asked("findings")) == own, "a repository that is itself a fork shows its own findings"
    (build,) = run.asked("build")
    assert build["cache_to"] == ""
    assert not run.asked("login")
    assert tags(github) == before


@with_go
def test_weekly_run_scans_what_is_in_use(github: GitHub, keyless: Sigstore, digest: str) -> None:
    """The image is built anew, for freshness; what is scanned and signed is what runs, by its digest."""
    done = {"status": "completed", "conclusion": "success"}
    github.state["runs"] = [{"workflow": "deploy.yml", "number": 1, "displayTitle": f"Deploy {digest}"} | done]
    before = len(attested(github, digest))
    scanner = claims(github.head, workflow="scan.yml", event="schedule")
    try:
        run = github.send("schedule", "weekly", identity=keyless.environment(**scanner))
    finally:
        github.state["runs"] = []
    assert run.succeeded().asked("build")[0]["no_cache"] == "true"
    assert {"image", "images", "scan", "attest"} <= set(run.results)
    assert not {"publish", "report"} & set(run.results)
    assert len(attested(github, digest)) == before + 1, "the scan is signed as scan.yml's, beside those of its builds"


@with_go
def test_scanner_that_fails(github: GitHub, keyless: Sigstore) -> None:
    """Nothing is published or shown, and the scanner's own message is the last word.

    The jobs behind it (`ci`, `report`) are read in tests/workflows: act stops where a called workflow fails.
    """
    head = github.commit("A scanner without a database", SCANNER="broken\n")
    run = github.send("push", identity=keyless.environment(**claims(head)))
    assert run.results == {"image": "success", "scan": "failure"}
    assert not run.asked("findings")
    assert not run.asked("login")
    assert "failed to download vulnerability DB" in run.log


@with_go
def test_finding(github: GitHub, keyless: Sigstore) -> None:
    """It is shown, and nothing is published."""
    head = github.commit("A finding", SCANNER="found\n")
    run = github.send("push", identity=keyless.environment(**claims(head)))
    assert run.results == {"image": "success", "scan": "failure"}
    assert run.asked("findings")
    assert not run.asked("login")


def reviewed(number: int) -> dict[str, Any]:
    """GitHub's answer: https://docs.github.com/en/rest/deployments/environments#get-an-environment."""
    people = [{"type": "User", "reviewer": {"login": f"octocat-{one}"}} for one in range(number)]
    rules = [{"type": "branch_policy"}, *([{"type": "required_reviewers", "reviewers": people}] if number else [])]
    return {"production-approval": {"name": "production-approval", "protection_rules": rules}}


def by_hand(**inputs: str) -> dict[str, Any]:
    return {"ref": "refs/heads/main", "inputs": inputs}


def attested(github: GitHub, digest: str) -> list[dict[str, Any]]:
    """The scans that are signed beside the image, by the builder and by the weekly scan."""
    found = subprocess.run(
        [
            go_tool("cosign"), "verify-attestation", "--type=vuln", f"{image(github)}@{digest}",
            f"--certificate-identity-regexp=^https://github.com/{SOURCE}/.github/workflows/(build|scan).yml@",
            "--certificate-oidc-issuer=https://token.actions.githubusercontent.com",
        ],
        check=True, capture_output=True, text=True, env=github.environment | github.told,
    )  # fmt: skip
    return [json.loads(line) for line in found.stdout.splitlines()]

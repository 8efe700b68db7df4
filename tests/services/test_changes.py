"""What counts as a change of a service, on histories as GitHub makes them; and what is deployed and released of it."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services.repository import PAIRS, add
from tests.services.test_workflows import own
from tests.support import step
from tests.support.render import commit, git

NAMES = ("orders", "payments")
ZERO = "0" * 40


@dataclass
class Repository:
    """On GitHub (`origin`), and in a clone of its owner's."""

    origin: Path
    clone: Path

    def push(self, *paths: str, text: str = "changed") -> str:
        """A commit that changes PATHS, pushed to the branch that is checked out; its id."""
        for path in paths:
            target = self.clone / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(f"{target.read_text() if target.exists() else ''}# {text}\n")
        commit(self.clone, f"Change {', '.join(paths)}")
        git(self.clone, "push", "-q", "--force", "origin", "HEAD")
        return self.head()

    def head(self, name: str = "HEAD") -> str:
        return git(self.clone, "rev-parse", name).strip()

    def checkout(self, folder: Path, reference: str = "main", *options: str) -> Path:
        """What actions/checkout leaves, without credentials: no more can be fetched."""
        git(
            folder.parent,
            "clone",
            "-q",
            "--no-checkout",
            "--filter=blob:none",
            *options,
            f"file://{self.origin}",
            str(folder),
        )
        git(folder, "checkout", "-q", "--detach", reference)
        git(folder, "remote", "set-url", "origin", "file:///nowhere")
        return folder


@pytest.fixture
def repository(plain_template: Path, tmp_path: Path) -> Repository:
    """With `orders-api` and its folder services/orders-api: names that begin with those of `orders`."""
    origin, clone = tmp_path / "origin.git", tmp_path / "clone"
    add(plain_template, clone, "orders", **PAIRS[0][0])
    add(plain_template, clone, "payments", **PAIRS[0][1])
    add(plain_template, clone, "orders-api", **PAIRS[0][1])
    commit(clone, "Start from the template")
    git(clone, "branch", "-M", "main")
    git(tmp_path, "init", "-q", "--bare", "--initial-branch=main", str(origin))
    git(origin, "config", "uploadpack.allowFilter", "true")
    git(clone, "remote", "add", "origin", str(origin))
    git(clone, "push", "-q", "origin", "main")
    return Repository(origin, clone)


def changed(checkout: Path, base: str) -> list[str]:
    """The services that differ from BASE."""
    found = []
    for name in ("orders", "orders-api", "payments"):
        done = subprocess.run(
            ["scripts/changes.sh", base], cwd=checkout / "services" / name, capture_output=True, text=True, check=True
        )
        assert done.stdout in ("service=true\n", "service=false\n")
        found += [name] * (done.stdout == "service=true\n")
    return found


@pytest.mark.parametrize(
    ("paths", "services"),
    [
        (["services/orders/src/x.py"], ["orders"]),
        (["services/payments/README.md", "README.md"], ["payments"]),
        (["services/orders-api/go.mod"], ["orders-api"]),
        ([".github/workflows/orders-ci.yml"], ["orders"]),
        ([".github/workflows/orders-api-deploy.yml"], ["orders-api"]),
        (
            [
                "README.md",
                "compose.yaml",
                "services/README.md",
                ".github/workflows/other.yml",
                ".copier-answers.orders.yml",
            ],
            [],
        ),
        (["services/orders/a", "services/payments/b"], ["orders", "payments"]),
        (["x/services/orders/a"], []),
    ],
)
def test_a_push_changes_the_services_whose_files_it_touches(
    repository: Repository, tmp_path: Path, paths: list[str], services: list[str]
) -> None:
    before = repository.head()
    repository.push(*paths)
    assert changed(repository.checkout(tmp_path / "job"), before) == services


def test_a_push_of_many_commits_is_compared_as_one(repository: Repository, tmp_path: Path) -> None:
    """https://github.com/nitinjain999/platform-skills/pull/132: 20 commits, and a checkout of two."""
    before = repository.head()
    repository.push("services/orders/a")
    for number in range(5):
        repository.push("services/payments/a", text=str(number))
    assert changed(repository.checkout(tmp_path / "job"), before) == ["orders", "payments"]


def test_what_is_renamed_or_deleted_is_changed(repository: Repository, tmp_path: Path) -> None:
    before = repository.push("services/orders/a", "services/payments/keep")
    git(repository.clone, "mv", "services/orders/a", "services/payments/a")
    repository.push()
    assert changed(repository.checkout(tmp_path / "job"), before) == ["orders", "payments"]


@pytest.mark.parametrize("base", ["", ZERO, "f" * 40, "no-such-branch"])
def test_without_a_commit_to_compare_with_all_is_changed(repository: Repository, tmp_path: Path, base: str) -> None:
    """No base, a new branch, a base that is gone: to build too much is safe, to build nothing is not.

    https://github.com/vercel/turborepo/pull/13304: tests were skipped on every push, for the base was not there.
    """
    job = repository.checkout(tmp_path / "job")
    for name in NAMES:
        done = subprocess.run(
            ["scripts/changes.sh", base], cwd=job / "services" / name, capture_output=True, text=True, check=False
        )
        assert done.stdout == "service=true\n"


def test_after_a_force_push_all_is_changed(repository: Repository, tmp_path: Path) -> None:
    """`before` is on no branch any more: https://github.com/taskcluster/taskgraph/issues/808."""
    taken_away = repository.push("services/orders/a")
    git(repository.clone, "reset", "-q", "--hard", "HEAD~1")
    repository.push("services/payments/a")
    assert changed(repository.checkout(tmp_path / "job"), taken_away) == ["orders", "orders-api", "payments"]


def test_in_a_shallow_clone_all_is_changed(repository: Repository, tmp_path: Path) -> None:
    before = repository.head()
    repository.push("services/orders/a")
    job = repository.checkout(tmp_path / "job", "main", "--depth=1")
    assert changed(job, before) == ["orders", "orders-api", "payments"]


def test_a_pull_request_is_compared_with_what_it_is_merged_into(repository: Repository, tmp_path: Path) -> None:
    """GitHub checks out the merge commit; what main got meanwhile is none of the pull request's."""
    git(repository.clone, "switch", "-q", "-c", "feature")
    repository.push("services/orders/a")
    git(repository.clone, "switch", "-q", "main")
    repository.push("services/payments/a")
    git(repository.clone, "merge", "-q", "--no-ff", "-m", "Merge", "feature")
    git(repository.clone, "push", "-q", "origin", "HEAD:refs/pull/1/merge")
    git(repository.origin, "update-ref", "refs/heads/merge-of-1", "refs/pull/1/merge")
    assert changed(repository.checkout(tmp_path / "job", "origin/merge-of-1"), "HEAD^1") == ["orders"]


def test_an_entry_of_the_merge_queue_is_compared_with_the_one_before_it(repository: Repository, tmp_path: Path) -> None:
    first = "gh-readonly-queue/main/pr-1"
    git(repository.clone, "switch", "-q", "-c", first)
    base = repository.push("services/orders/a")
    git(repository.clone, "switch", "-q", "-c", "gh-readonly-queue/main/pr-2")
    repository.push("services/payments/a")
    assert changed(repository.checkout(tmp_path / "job", "origin/gh-readonly-queue/main/pr-2"), base) == ["payments"]


# Deployments


@pytest.fixture
def start(tmp_path: Path) -> Callable[[Path, str], str]:
    """Run the step that starts a deployment; gives what gh was asked for."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "gh").write_text('#!/usr/bin/env bash\necho "$*" >>"$ASKED"\n')
    (programs / "gh").chmod(0o755)

    def run(checkout: Path, name: str) -> str:
        asked = tmp_path / "asked"
        asked.unlink(missing_ok=True)
        (script,) = [one["run"] for one in own(checkout, name)[f"{name}-ci"]["jobs"]["deploy"]["steps"] if "run" in one]
        environment = {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "ASKED": str(asked), "DIGEST": "sha256:1",
            "GITHUB_SHA": git(checkout, "rev-parse", "HEAD").strip(),
        }  # fmt: skip
        with step.start(script, checkout / "services" / name, **environment) as process:
            output, errors = process.communicate()
        assert process.returncode == 0, output + errors
        return asked.read_text() if asked.exists() else ""

    return run


def test_a_later_commit_of_another_service_does_not_hold_a_deployment_back(
    repository: Repository, tmp_path: Path, start: Callable[[Path, str], str]
) -> None:
    """The later commit builds nothing of this service, so nobody else would deploy it."""
    built = repository.push("services/orders/a")
    repository.push("services/payments/a")
    job = repository.checkout(tmp_path / "job", built)
    assert (
        start(job, "orders")
        == f"workflow run orders-deploy.yml --ref main --field digest=sha256:1 --field commit={built}\n"
    )


def test_a_later_commit_of_the_service_supersedes_a_deployment(
    repository: Repository, tmp_path: Path, start: Callable[[Path, str], str]
) -> None:
    built = repository.push("services/orders/a")
    repository.push("services/orders/b")
    assert start(repository.checkout(tmp_path / "job", built), "orders") == ""


# Releases


@pytest.fixture
def built(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run built.sh of `orders` where the registry has images of some commits."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "crane").write_text(
        '#!/usr/bin/env bash\n[[ $1 == ls && $2 == example.com/orders ]] || exit 2\ncat "$TAGS"\n'
    )
    (programs / "crane").chmod(0o755)

    def run(checkout: Path, *images: str) -> "subprocess.CompletedProcess[str]":
        (tmp_path / "tags").write_text("".join(f"sha-{commit[:12]}\n" for commit in images) + "1.0.0\n")
        return subprocess.run(
            ["scripts/built.sh", "example.com/orders", git(checkout, "rev-parse", "HEAD").strip()],
            cwd=checkout / "services/orders", capture_output=True, text=True, check=False,
            env=os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "TAGS": str(tmp_path / "tags")}
            | {"RELEASE_WAIT": "0", "RELEASE_POLL": "0"},
        )  # fmt: skip

    return run


def test_a_release_finds_the_image_of_an_earlier_commit_with_the_same_service(
    repository: Repository, tmp_path: Path, built: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    """The commit that is tagged changed another service, so it has no image of this one."""
    old = repository.push("services/orders/a")
    new = repository.push("services/orders/b")
    repository.push("services/payments/a")
    repository.push("README.md")
    job = repository.checkout(tmp_path / "job")
    assert built(job, old, new).stdout == f"{new}\n"
    # pushed with a commit of another service, it was built from that one
    together = repository.head("HEAD~1")
    assert built(job, old, together).stdout == f"{together}\n"


def test_a_release_takes_no_image_of_another_version_of_the_service(
    repository: Repository, tmp_path: Path, built: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    old = repository.push("services/orders/a")
    repository.push("services/orders/b")
    failed = built(repository.checkout(tmp_path / "job"), old)
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert "has an image in example.com/orders: tag a commit of main whose pipeline passes" in failed.stderr
    shutil.rmtree(tmp_path / "job")

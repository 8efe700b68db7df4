"""What Istio's own control plane says to what is rendered for it: its validation, built from its source."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.cluster.manifests import ENVIRONMENTS, Manifest, Rendered
from tests.support.paths import ROOT
from tests.support.render.answers import KUBERNETES
from tests.support.tools import run

pytestmark = pytest.mark.engine  # it needs none, but is too long to build for the quick layers

SOURCE = Path(__file__).with_name("istio")
MESHED = [index for index, answers in enumerate(KUBERNETES) if answers["kubernetes_mesh"] == "istio-ambient"]
GROUPS = ("security.istio.io/", "networking.istio.io/")


@cache
def judge() -> str:
    """The path of the program, built once from what istio/go.sum names; it has some 450 packages: a minute."""
    name = hashlib.sha256(b"".join((SOURCE / file).read_bytes() for file in ("main.go", "go.sum"))).hexdigest()[:12]
    program = ROOT / ".venv/tools" / f"istio-{name}" / "judge"
    if not program.exists():
        if not shutil.which("go"):
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("Istio's validation needs Go to be built")
        fresh = program.with_name(str(os.getpid()))  # beside a second worker that builds the same
        run(["go", "build", "-ldflags=-s -w", f"-o={fresh}", "."], cwd=SOURCE, env={"GOFLAGS": "-mod=readonly"})
        fresh.rename(program)
    return str(program)


def judged(*paths: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([judge(), *paths], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def everything(put_together: Callable[[int], Rendered]) -> list[Rendered]:
    return [put_together(index) for index in MESHED]


def test_it_takes_all_that_is_rendered(everything: list[Rendered]) -> None:
    paths = [one.folder / f"overlays/{environment}.yml" for one in everything for environment in ENVIRONMENTS]
    answer = judged(*paths)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert int(answer.stdout) == 2 * len(paths) > 0, "a PeerAuthentication and an AuthorizationPolicy each"


def changed(manifest: Manifest, path: list[Any], value: Any) -> Manifest:
    manifest = deepcopy(manifest)
    part = manifest["spec"]
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return manifest


WRONG: dict[str, tuple[str, list[Any], Any, str]] = {
    "a mode": ("PeerAuthentication", ["mtls", "mode"], "FIRM", "unknown value"),
    "a field": ("PeerAuthentication", ["mutual"], {}, "unknown field"),
    "a port by name": ("AuthorizationPolicy", ["rules", 0, "to", 0, "operation", "ports"], ["http"], "bad port"),
    "nobody": ("AuthorizationPolicy", ["rules", 0, "from", 0, "source"], {}, "`from.source` must not be empty"),
    "a place too deep": (
        "AuthorizationPolicy", ["rules", 0, "from", 0, "source"], {"serviceAccounts": ["a/b/c"]}, "expected format",
    ),
    "no label": ("AuthorizationPolicy", ["selector", "matchLabels"], {"": "orders"}, "empty key"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_it_refuses_what_is_wrong(everything: list[Rendered], tmp_path: Path, name: str) -> None:
    kind, path, value, reason = WRONG[name]
    found = everything[0].overlay("production")
    ours = next(one for one in found if one["kind"] == kind and one["apiVersion"].startswith(GROUPS))
    manifest = changed(ours, path, value)
    (tmp_path / "changed.yml").write_text(yaml.safe_dump(json.loads(json.dumps(manifest))))
    answer = judged(tmp_path / "changed.yml")
    assert answer.returncode == 1
    assert reason in answer.stderr

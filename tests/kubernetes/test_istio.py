"""What Istio's own control plane says to what is rendered for it: its validation, built from its source."""

import json
import subprocess
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.cluster.manifests import ENVIRONMENTS, Manifest, Rendered
from tests.support.render.answers import KUBERNETES
from tests.support.tools import go_program

pytestmark = pytest.mark.engine  # it needs none, but is too long to build for the quick layers

SOURCE = Path(__file__).with_name("istio")  # some 450 packages: a minute, once
MESHED = [index for index, answers in enumerate(KUBERNETES) if answers["kubernetes_mesh"] == "istio-ambient"]
GROUPS = ("security.istio.io/", "networking.istio.io/")


def judged(*paths: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([go_program(SOURCE), *paths], capture_output=True, text=True, check=False)


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

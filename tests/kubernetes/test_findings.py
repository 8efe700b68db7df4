"""checkov and kube-score find nothing but what tests/accepted.yml accepts."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.cluster.manifests import Rendered
from tests.support.findings import compare, of_checkov, of_kube_score
from tests.support.render.answers import KUBERNETES

DEPLOYED = ["deployed/production/first", "deployed/staging/first", "migrated/production"]
DATABASES = ["database/production", "database/staging", "restored/production"]
SETS = [*DEPLOYED, *DATABASES, "backup/production", "setup/production", "policy"]


@pytest.fixture(scope="module")
def manifests(put_together: Callable[[int], Rendered], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What all answers render, each text once."""
    folder = tmp_path_factory.mktemp("manifests")
    paths = (put_together(index).folder / f"{name}.yml" for index in range(len(KUBERNETES)) for name in SETS)
    for number, text in enumerate(sorted({path.read_bytes() for path in paths if path.exists()})):
        (folder / f"{number}.yml").write_bytes(text)
    return folder


def test_checkov(manifests: Path) -> None:
    compare("checkov-kubernetes", of_checkov("kubernetes", manifests))


def test_kube_score(manifests: Path) -> None:
    """Not of a database: it misses the pods, which are the operator's."""
    paths = [path for path in sorted(manifests.iterdir()) if "postgresql.cnpg.io" not in path.read_text()]
    compare("kube-score", of_kube_score(paths))

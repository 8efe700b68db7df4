"""A service with databases that CloudNativePG's operator makes, for all files of this folder."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.conftest import NODE
from tests.support.cluster.owned import Owned, service


@pytest.fixture(scope="package")
def owned(
    cluster: Path, plain_template: Path, built: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Owned]:
    """Three instances in production, which the service uses, and one in staging, whose Secrets come late."""
    name = f"operated-{secrets.token_hex(2)}"
    with service(plain_template, tmp_path_factory.mktemp(name), name, built("go"), NODE) as owned:
        owned.set_up("production")
        owned.set_up("staging", late=True)
        for environment in ("production", "staging"):
            owned.follow("Database", environment, block=1)
            owned.follow("Secrets", environment)
        owned.release.deploy(owned.release.image("v1"))
        yield owned

"""The order of text is PostgreSQL's own: that of a distribution changes with the next, and the indexes do not.

https://github.com/docker-library/postgres/issues/1356, https://github.com/ente/ente/issues/10024
"""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from shipshape.template import Answers

from tests.support.engine import docker

pytestmark = pytest.mark.engine

# The public image's entry point passes these arguments on; a stand-in's does not.
SCRIPT = """
initdb --pgdata=/tmp/data $ARGUMENTS >/dev/null 2>&1
pg_ctl -D /tmp/data -o '-k /tmp' -w start >/dev/null
exec psql -h /tmp -qtAX -c "SELECT datlocprovider, datcollversion, pg_encoding_to_char(encoding)
  FROM pg_database WHERE datname = 'template1'" postgres
"""
RUN = ("run", "--rm", "--network=none", "--user=999:999", "--tmpfs=/tmp:mode=1777", "--entrypoint=sh")


@pytest.mark.parametrize("file", ["docker-compose.yml", "deploy/compose/compose.prod.yaml"])
def test_the_order_of_text_is_postgresql_s_own(rendered: Callable[[Answers], Path], file: str) -> None:
    stack = yaml.safe_load((rendered({"language": "python", "orchestrator": "compose"}) / file).read_text())
    database = stack["services"]["database"]
    arguments = database["environment"]["POSTGRES_INITDB_ARGS"]
    said = docker(*RUN, f"--env=ARGUMENTS={arguments}", database["image"].partition("@")[0], "-ec", SCRIPT)
    assert said.strip() == "b|1|UTF8"

"""Where the functions of slow.py and busy.py find what they ask."""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.engine.container import Container
from tests.support.engine.database import Server, database_name

if TYPE_CHECKING:
    from tests.image.conftest import Service


@dataclass(frozen=True)
class Place:
    """A service that uses a database without TLS, both for these functions alone."""

    service: "Service"
    container: Container
    plain: Server
    database: str


def prepared(stack: ExitStack, service: "Service", plain: Server) -> Place:
    database = unencrypted(service, plain)
    container = stack.enter_context(service.start(*plain.settings(database)))
    container.wait_until_it_answers()
    return Place(service, container, plain, database)


def unencrypted(service: "Service", plain: Server) -> str:
    """A migrated database of the server without TLS."""
    name = database_name(service.label)
    plain.create(name)
    code, lines = service.run("migrate", *plain.settings(name, "owner"))
    assert code == 0, lines
    return name

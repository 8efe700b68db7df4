"""Where the functions of slow.py and busy.py find what they ask."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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
    keeper: "Service"
    container: Container
    plain: Server
    database: str


@contextmanager
def with_data(service: "Service", keeper: "Service", *settings: str) -> Iterator[Container]:
    """The service with a database of these settings, or in front of a back end that has it."""
    with ExitStack() as stack:
        if keeper is service:
            started = stack.enter_context(service.start(*settings))
        else:
            behind = stack.enter_context(keeper.start(*settings))
            behind.wait_until_it_answers()
            started = stack.enter_context(service.start(service.asks(behind.port)))
        started.wait_until_it_answers()
        yield started


def prepared(stack: ExitStack, service: "Service", keeper: "Service", plain: Server) -> Place:
    database = unencrypted(service, keeper, plain)
    container = stack.enter_context(with_data(service, keeper, *plain.settings(database)))
    return Place(service, keeper, container, plain, database)


def unencrypted(service: "Service", keeper: "Service", plain: Server) -> str:
    """A migrated database of the server without TLS."""
    name = database_name(service.label)
    plain.create(name)
    code, lines = keeper.run("migrate", *plain.settings(name, "owner"))
    assert code == 0, lines
    return name

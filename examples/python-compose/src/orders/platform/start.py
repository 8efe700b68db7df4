"""Starts the service, and stops it when it is told to."""

import asyncio
import gc
import logging
import socket
import sys
from contextlib import suppress
from types import FrameType
from typing import override

import uvicorn

from ..main import create_app
from ..settings import Settings
from . import logs, tracing
from .environment import SettingsError
from .limits import HEADERS, Connection

KEEP_ALIVE = 75  # seconds; more than the 60 after which load balancers close a connection that is idle
DRAIN = 25  # seconds; less than the 30 that Docker and Kubernetes wait before they kill

log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """Readiness fails as soon as the signal comes, before the running requests are done."""

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.config.app.health.stopping = True  # type: ignore[union-attr]
        # uvicorn would also send itself the signal again when it is done, and so not exit with 0.
        self.should_exit = True


def main() -> None:
    """Run what the arguments say: without any, the service."""
    logs.configure("info")
    if sys.argv[1:] not in ([], ["migrate"]):
        log.error("bad arguments", extra={"error": "expected none, or migrate"})
        sys.exit(2)
    try:
        settings = Settings.load()
    except SettingsError as error:
        log.error("bad settings", extra={"error": str(error)})
        sys.exit(1)
    logs.configure(settings.log_level)
    if sys.argv[1:]:
        logging.getLogger("alembic").setLevel("WARNING")
        from .migrate import migrate  # noqa: PLC0415  # Alembic would make each start a quarter longer

        sys.exit(asyncio.run(migrate(settings)))
    serve(settings)


def serve(settings: Settings) -> None:
    """Listen, until a signal comes."""
    stop_tracing = tracing.start(settings)
    server = Server(
        uvicorn.Config(
            create_app(settings),
            http=Connection,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            reset_contextvars=True,
            h11_max_incomplete_event_size=HEADERS,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=DRAIN,
        )
    )
    try:
        sockets = listen(settings.port)
    except OSError as error:
        log.error("can't listen", extra={"error": str(error)})
        sys.exit(1)
    log.info("starting", extra={"port": settings.port, "version": settings.version})
    server.run(sockets)
    stop_tracing()
    log.info("stopped")
    gc.freeze()  # otherwise the last garbage collection takes longer than the rest of the stop


def listen(port: int) -> list[socket.socket]:
    """One socket for IPv4, and one for IPv6 where the machine has it; what is published is decided outside."""
    sockets = [socket.create_server(("0.0.0.0", port))]  # noqa: S104
    with suppress(OSError):
        sockets.append(socket.create_server(("::", port), family=socket.AF_INET6))
    return sockets

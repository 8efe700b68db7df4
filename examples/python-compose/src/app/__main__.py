"""Starts the service, and stops it when it is told to."""

import logging
import signal
import sys
from types import FrameType
from typing import override

import uvicorn

from . import logs, settings
from .environment import SettingsError
from .main import create_app

DRAIN = 25  # seconds; less than the 30 that Docker and Kubernetes wait before they kill

log = logging.getLogger("app")


class Server(uvicorn.Server):
    """Readiness fails as soon as the signal comes, before the running requests are done."""

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.config.app.state.health.stopping = True  # type: ignore[union-attr]
        super().handle_exit(sig, frame)


def main() -> int:
    logs.configure("info")
    try:
        config = settings.load()
    except SettingsError as error:
        log.error("bad settings", extra={"error": str(error)})
        return 1
    logs.configure(config.log_level)

    server = Server(
        uvicorn.Config(
            create_app(config),
            host="0.0.0.0",  # noqa: S104  what is published is decided outside the container
            port=config.port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=DRAIN,
        )
    )
    # uvicorn sends itself the signal again when it is done; a stop that went well ends with 0 all the same.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    log.info("starting", extra={"port": config.port, "version": config.version})
    server.run()
    log.info("stopped")
    return 0


sys.exit(main())

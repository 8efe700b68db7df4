"""What a connection may send, and how long it may take to: uvicorn's own limits, and those that it lacks."""

import asyncio
import logging
from typing import Any, override

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from .requests import count

HEADERS = 16 * 1024  # bytes
REST = 1024 * 1024  # bytes
WITHIN = 10.0  # seconds

log = logging.getLogger(__name__)


class Connection(H11Protocol):
    """Closes a connection whose headers do not come in time, nor the rest of a body that is answered already."""

    _deadline: asyncio.TimerHandle | None = None
    _rest = 0  # bytes of a body that came after its answer; to hang up at once could cost the caller the answer

    def _watch(self, came: int = 0) -> None:
        their_state = self.conn.their_state
        headers_began = self.cycle is None or self.conn.trailing_data[0]
        answered = their_state is h11.SEND_BODY and self.cycle is not None and self.cycle.response_complete
        awaited = answered or (their_state is h11.IDLE and headers_began)
        self._rest = self._rest + came if answered else 0
        if self._rest > REST:
            self.timeout_keep_alive_handler()
        if awaited and self._deadline is None:
            self._deadline = self.loop.call_later(WITHIN, self.timeout_keep_alive_handler)
        elif not awaited and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    @override
    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._watch()

    @override
    def data_received(self, data: bytes) -> None:
        # In pieces: h11 measures what is not complete yet, so that one large piece would pass.
        for start in range(0, len(data), HEADERS):
            if not self.transport.is_closing():
                super().data_received(data[start : start + HEADERS])
        self._watch(len(data))

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline:
            self._deadline.cancel()
        super().connection_lost(exc)

    @override
    def send_400_response(self, msg: str) -> None:
        log.warning("bad request")
        count("OTHER", "unmatched", 400, 0)
        super().send_400_response(msg)

"""Readiness."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

Check = Callable[[], Awaitable[object]]

ANSWER_WITHIN = 2.0  # seconds

log = logging.getLogger(__name__)


class Health:
    """Knows whether the service is stopping, and whether its dependencies answer: a check fails when it raises."""

    def __init__(self) -> None:
        self.checks: dict[str, Check] = {}
        self.stopping = False

    async def readiness(self) -> tuple[int, dict[str, object]]:
        """The status code and body of `/readyz`."""
        if self.stopping:
            return 503, {"status": "stopping", "checks": {}}
        results = dict(zip(self.checks, await asyncio.gather(*map(self._result, self.checks)), strict=True))
        if any(result != "ok" for result in results.values()):
            return 503, {"status": "unavailable", "checks": results}
        return 200, {"status": "ready", "checks": results}

    async def _result(self, name: str) -> str:
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                await self.checks[name]()
        except Exception as error:  # whatever it is, the caller only learns that it failed
            log.warning("check failed", extra={"check": name, "error": str(error) or type(error).__name__})
            return "failed"
        return "ok"

"""Liveness and readiness."""

import logging
from collections.abc import Awaitable, Callable

Check = Callable[[], Awaitable[None]]

log = logging.getLogger(__name__)


class Health:
    """Knows whether the service is stopping, and whether its dependencies answer."""

    def __init__(self, checks: dict[str, Check]) -> None:
        self.checks = checks
        self.stopping = False

    async def readiness(self) -> tuple[int, dict[str, object]]:
        """The status code and body of `/readyz`."""
        if self.stopping:
            return 503, {"status": "stopping", "checks": {}}
        results = {name: await self._result(name, check) for name, check in self.checks.items()}
        if any(result != "ok" for result in results.values()):
            return 503, {"status": "unavailable", "checks": results}
        return 200, {"status": "ready", "checks": results}

    async def _result(self, name: str, check: Check) -> str:
        try:
            await check()
        except Exception as error:  # whatever it is, the caller only learns that it failed
            log.warning("check failed", extra={"check": name, "error": str(error) or type(error).__name__})
            return "failed"
        return "ok"

"""Logs for machines: one JSON object a line on stdout."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, override

LEVELS = {"DEBUG": "debug", "INFO": "info", "WARNING": "warn", "ERROR": "error", "CRITICAL": "error"}
RESERVED = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


class JsonFormatter(logging.Formatter):
    """Writes the record's time, level and message, then the fields that came in `extra`."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "time": time.replace("+00:00", "Z"),
            "level": LEVELS.get(record.levelname, record.levelname.lower()),
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in RESERVED}
        if record.exc_info and record.exc_info[0]:
            line["error"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(line, default=str)


def configure(level: str) -> None:
    """Send everything, the server's own lines too, through one handler."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], level="WARNING" if level == "warn" else level.upper(), force=True)
    logging.captureWarnings(True)
    # uvicorn's notes on the start and stop of its parts say nothing that our own lines don't.
    logging.getLogger("uvicorn.error").setLevel("WARNING")
    logging.getLogger("asyncio").setLevel("WARNING")

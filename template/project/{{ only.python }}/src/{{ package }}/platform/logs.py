"""Logs for machines: one JSON object a line on stdout."""

import json
import logging
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, override

from opentelemetry.trace import format_trace_id, get_current_span
from prometheus_client import Counter

LEVELS = {"DEBUG": "debug", "INFO": "info", "WARNING": "warn", "ERROR": "error", "CRITICAL": "error"}
RESERVED = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}

lines = Counter("log_lines", "Log lines, by level.", ("level",))
for name in LEVELS.values():
    lines.labels(name)  # so that it is 0, not missing, before the first one

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


class JsonFormatter(logging.Formatter):
    """Writes the time, level and message, the request that the line belongs to, and the fields in `extra`."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        level = LEVELS.get(record.levelname, record.levelname.lower())
        lines.labels(level).inc()
        line: dict[str, Any] = {
            "time": time.replace("+00:00", "Z"),
            "level": level,
            "message": record.getMessage(),
        }
        if current := request_id.get():
            line["request_id"] = current
        if (span := get_current_span().get_span_context()).is_valid:
            line["trace_id"] = format_trace_id(span.trace_id)
        line |= {key: value for key, value in vars(record).items() if key not in RESERVED}
        if record.exc_info and record.exc_info[0]:
            line["error"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(line, default=str)


def configure(level: str) -> None:
    """Send everything, the libraries' lines too, through one handler."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], level="WARNING" if level == "warn" else level.upper(), force=True)
    logging.captureWarnings(True)
    # They note what our own lines say already: a start, a request that failed, a batch that was not sent.
    for name in ("uvicorn.error", "opentelemetry", "urllib3"):
        logging.getLogger(name).setLevel("CRITICAL")
    logging.getLogger("asyncio").setLevel("WARNING")

"""Structured logs: one JSON line per happening, with known keys only.

The rule: a key that is not on the list is dropped, and an error shows its class and where it happened, never its
message, for a message may hold what a resident wrote (facts/reliability.md F; OWASP ASVS V16).
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from typing import Any, Final, TextIO

import structlog
from structlog.types import EventDict, WrappedLogger

#: Everything that a log line may say. Ids, counts, classes and durations; no texts, no addresses, no tokens.
ALLOWED: Final = frozenset(
    {
        "action", "attempts", "case", "channel", "count", "dead", "error", "event", "frames", "job", "kind", "lane",
        "level", "logger", "method", "ms", "name", "outcome", "path", "port", "problem", "request_id", "role",
        "scheduled", "seconds", "staff", "status", "timestamp", "version",
    }
)  # fmt: skip
LONGEST: Final = 300


def keep_known(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """Drop every key that is not on the list, and cut what is long."""
    return {key: _short(value) for key, value in line.items() if key in ALLOWED}


def _short(value: Any) -> Any:
    if isinstance(value, bool | int | float) or value is None:
        return value
    if isinstance(value, list):
        return [_short(item) for item in value[-12:]]
    return str(value).replace("\r", " ").replace("\n", " ")[:LONGEST]


def show_error(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """Turn `exc_info` into the error's class and file:line of its frames."""
    found = line.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    error = found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        line["error"] = type(error).__name__
        line["frames"] = frames(error)
    return line


def frames(error: BaseException) -> list[str]:
    """Return where an error came from, file:line only."""
    return [
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)
    ]


class _Bridge(logging.Handler):
    """Bring the standard library's log lines (uvicorn, SQLAlchemy, aiohttp) into the same form.

    Their text is taken only from libraries that never print data, and only as the literal, without its arguments.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line: the literal of the call, never its arguments."""
        line: EventDict = {"event": str(record.msg) if isinstance(record.msg, str) else "", "logger": record.name}
        if not record.args and not record.name.startswith("uvicorn"):
            line["event"] = record.name  # the literal may have been made with the data in it
        line["level"] = record.levelname.lower()
        line["exc_info"] = record.exc_info
        line = keep_known(None, "", show_error(None, "", line))
        self.stream.write(json.dumps(line, ensure_ascii=False) + "\n")


def set_up(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send all logs to `stream` (standard output) as JSON lines."""
    out = stream or sys.stdout
    number = logging.getLevelNamesMapping().get(level, logging.INFO)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            show_error,
            keep_known,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [_Bridge(out)]
    root.setLevel(max(number, logging.WARNING))
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    logging.getLogger("uvicorn.error").setLevel(number)
    logging.getLogger("uvicorn.access").disabled = True  # it prints addresses and paths with tokens

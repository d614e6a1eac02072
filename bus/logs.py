"""The log: what is worth a line, and lines as JSON for `LOG_FORMAT=json`.

Read: uvicorn 0.54.0 (httptools_impl.py, websockets_sansio_impl.py), websockets 17.4 (protocol.py,
server.py).
Relies on:
    uvicorn.protocols.http.httptools_impl.HttpToolsProtocol: `"uvicorn.error"`
    uvicorn.protocols.http.httptools_impl.HttpToolsProtocol.data_received: `"Invalid HTTP request`
    uvicorn.protocols.http.httptools_impl.HttpToolsProtocol._unsupported_upgrade_warning:
        `"Unsupported upgrade request`, `"No supported WebSocket library`
    uvicorn.protocols.websockets.websockets_sansio_impl.WebSocketsSansIOProtocol:
        `"uvicorn.error"`, `logger=logging`
    uvicorn.protocols.websockets.websockets_sansio_impl.WebSocketsSansIOProtocol.send:
        `'%s - "WebSocket %s" [accepted]'`, `'%s - "WebSocket %s" 403'`, `'%s - "WebSocket %s" %d'`
    uvicorn.protocols.websockets.websockets_sansio_impl.WebSocketsSansIOProtocol.send_receive_event_to_app:
        `"Invalid UTF-8 sequence`
    websockets.protocol.Protocol.parse: `self.logger.error("parser failed", exc_info=True)`
    websockets.protocol.Protocol.discard: `self.logger.info("connection closed")`
    websockets.server.ServerProtocol.send_response:
        `self.logger.info("connection open")`, `"connection rejected (`, `"HTTP response sent (`
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import Counter

# Loggers whose lines say what somebody else did wrong.
_STRANGERS = ("axes", "django.security.", "bus.consumers.origin", "bus.servers.uvicorn_")
# And what uvicorn and websockets say of that, both under one name.
_UVICORN = (
    "Invalid UTF-8", "Invalid HTTP", "Unsupported upgrade", "No supported WebSocket",
    "parser failed", '%s - "WebSocket %s"', "connection rejected", "HTTP response sent",
)  # fmt: skip
# What is left of a line that a request had a part in, in characters.
_LINE_LIMIT = 500
_HINT_LIMIT = 100


class NoSocketLines(logging.Filter):
    """Drops uvicorn's two lines for each WebSocket that opens, and the one for its end."""

    _LINES = ('%s - "WebSocket %s" [accepted]', "connection open", "connection closed")

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is worth a line."""
        return record.msg not in self._LINES


class RateLimitFilter(logging.Filter):
    """What anybody can write into the log by a request is a line now and then, with a count.

    A bad frame, a foreign Host or Origin, a path that is not there: each would be a line for each
    request, and some a traceback. One line of a kind is let through in each interval; at its end
    the others are counted in one more.
    """

    interval = 10.0

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self._lock = threading.Lock()
        # When a kind may have its next line, and how many had none.
        self._next: dict[object, float] = {}
        self._missed: Counter[object] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is worth a line now."""
        kind = _kind(record)
        if kind is None or hasattr(record, "counted"):
            return True
        now = time.monotonic()
        with self._lock:
            if now < self._next.get(kind, 0.0):
                self._missed[kind] += 1
                if self._missed[kind] == 1:
                    self._count_later(kind, record, self._next[kind] - now)
                return False
            self._next[kind] = now + self.interval
        # Not the record's own: other handlers may want all of it.
        record.exc_info = record.exc_text = None
        record.msg, record.args = record.getMessage()[:_LINE_LIMIT], None
        record.counted = True
        return True

    def _count_later(self, kind: object, record: logging.LogRecord, wait: float) -> None:
        text = record.getMessage()[:_HINT_LIMIT]
        timer = threading.Timer(wait, self._log_count, [kind, record.name, record.levelno, text])
        timer.daemon = True
        timer.start()

    def _log_count(self, kind: object, name: str, level: int, text: str) -> None:
        with self._lock:
            missed = self._missed.pop(kind, 0)
        line = "%d more of this kind in the last %g s: %s"
        values = (missed, self.interval, text)
        logging.getLogger(name).log(level, line, *values, extra={"counted": True})


def _kind(record: logging.LogRecord) -> object:
    """What is counted together; None for what no stranger can bring about."""
    status = getattr(record, "status_code", None)
    if record.name == "django.request":
        return (record.name, status) if status is not None and status < 500 else None
    if record.name == "uvicorn.error":
        text = str(record.msg)
        return (record.name, text) if text.startswith(_UVICORN) else None
    if record.name.startswith(_STRANGERS):
        return record.name
    return None


class JSONFormatter(logging.Formatter):
    """One JSON object per record: time, level, logger, message, and error where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Render one record."""
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)

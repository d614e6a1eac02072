"""Log records as JSON lines, for `LOG_FORMAT=json`."""

from __future__ import annotations

import json
import logging


class NoSockets(logging.Filter):
    """Drops uvicorn's two lines for each WebSocket that opens, and the one for its end."""

    _LINES = ('%s - "WebSocket %s" [accepted]', "connection open", "connection closed")

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is worth a line."""
        return record.msg not in self._LINES


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

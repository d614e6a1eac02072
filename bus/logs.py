"""Log records as JSON lines, for `LOG_FORMAT=json`."""

from __future__ import annotations

import json
import logging


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

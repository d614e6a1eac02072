"""Where the log of this project goes, and in which form: `LOG_FORMAT`."""

from __future__ import annotations

import sys
from typing import Any


def as_text_or_json(log_format: str) -> dict[str, Any]:
    """Django's LOGGING: all of it to standard error."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "text": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
            "json": {"()": "bus.logs.JSONFormatter"},
        },
        "filters": {
            "no_sockets": {"()": "bus.logs.NoSocketLines"},
            "rate_limit": {"()": "bus.logs.RateLimitFilter"},
        },
        # With handlers and levels as uvicorn has set them.
        "loggers": {
            "uvicorn.error": {"filters": ["no_sockets", "rate_limit"]},
            # Wrong passwords and locks; not each step on the way.
            "axes": {"level": "WARNING"},
        },
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": log_format,
                "filters": ["rate_limit"],
                "stream": sys.stderr,
            }
        },
        "root": {"handlers": ["stderr"], "level": "INFO"},
    }

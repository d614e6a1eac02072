"""Tells an outage of the database or the broker from a handler's own failure."""

from __future__ import annotations

import asyncio
import logging
import random
import time

import redis
from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError, connection

from bus.broker.errors import BrokerUnavailable
from bus.broker.stream import Stream
from bus.conf import conf

logger = logging.getLogger(__name__)

# A server that takes longer to say that it is there is away, in seconds.
_ANSWER_WITHIN = 5.0
# What Django takes where a project has no DATABASES.
_NO_DATABASE = "django.db.backends.dummy"
_OUTAGES = (
    OperationalError,
    InterfaceError,
    BrokerUnavailable,
    redis.ConnectionError,
    redis.TimeoutError,
)


def looks_like_outage(error: BaseException) -> bool:
    """Whether an error, or what caused it, is one that a lost server raises."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, _OUTAGES):
            return True
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return False


async def servers_answer(stream: Stream) -> bool:
    """Whether the broker and the database answer now."""
    try:
        async with asyncio.timeout(_ANSWER_WITHIN):
            await stream.ping()
            # A thread of its own: that of sync handlers may be the one that waits.
            return await sync_to_async(_ask_database, thread_sensitive=False)()
    except (BrokerUnavailable, TimeoutError):
        return False


def _ask_database() -> bool:
    if connection.settings_dict["ENGINE"] == _NO_DATABASE:
        return True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (OperationalError, InterfaceError):
        return False
    finally:
        # Which thread it was nobody knows: the next look may come to another one.
        connection.close()
    return True


class Outage:
    """Logs the begin and the end of an outage once, however many notice it."""

    def __init__(self) -> None:
        self._since = 0.0

    def begun(self, what: str) -> None:
        """Somebody noticed it."""
        if not self._since:
            self._since = time.monotonic()
            logger.warning("Waiting: %s Nothing is lost; work goes on when it is back.", what)

    def ended(self) -> None:
        """Somebody noticed that it is over."""
        if self._since:
            logger.info("Going on after %.1f s.", time.monotonic() - self._since)
            self._since = 0.0


def backoff(attempt: int) -> float:
    """Full jitter: a random wait of up to base · 2^(attempt - 1), capped, in seconds."""
    ceiling: float = min(conf.retry_cap, conf.retry_base * 2 ** min(attempt - 1, 30))
    return random.uniform(0, ceiling)

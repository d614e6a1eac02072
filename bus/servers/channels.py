"""Makes unmodified Channels consumers cheap to run, without changing what they do.

Read: channels 4.3.2 (consumer.py, db.py).
Relies on:
    channels.consumer: aclose_old_connections
    channels.consumer.AsyncConsumer.dispatch: `await aclose_old_connections()`
"""

from __future__ import annotations

import time

from channels import consumer

# Django's connections are looked at again after this, in seconds, and after every failure.
_LOOK_EVERY = 1.0

_close_old_connections = consumer.aclose_old_connections


class _Looks:
    """When the connections were looked at last."""

    last = 0.0


async def _close_old_connections_seldom() -> None:
    now = time.monotonic()
    if now - _Looks.last >= _LOOK_EVERY:
        _Looks.last = now
        await _close_old_connections()


def spare_thread_hops() -> None:
    """Let `AsyncConsumer.dispatch` skip its hop through the database thread before most messages.

    It waits for that thread before every message only to close stale connections, which costs more
    than all else; here it does so once a second, and who runs consumers after each failure.
    """
    consumer.aclose_old_connections = _close_old_connections_seldom


def look_again() -> None:
    """Something failed: have the connections looked at before the next message."""
    _Looks.last = 0.0

"""The channel layer that Bus uses (BUS_LAYER), and the clock of its broker."""

from __future__ import annotations

import threading
import time

from channels.layers import get_channel_layer

from bus.broker import BusChannelLayer
from bus.conf import conf
from bus.protocol import channel_names

_lock = threading.Lock()


def get() -> BusChannelLayer:
    """The channel layer of BUS_LAYER."""
    # Channels makes it at the first call, and two threads that come at once would get one each.
    with _lock:
        found: BusChannelLayer = get_channel_layer(conf.layer)
    return found


def steady_now() -> int:
    """Milliseconds since 1970 by the clock that all processes share and nobody sets.

    For intervals, never for a calendar; before the broker was asked, this machine's own clock.
    """
    now = get().clock_of(channel_names.MODERATION).now()
    return int(time.time() * 1000) if now is None else now


async def close() -> None:
    """Close this event loop's connections; what is in the broker stays."""
    await get().close()

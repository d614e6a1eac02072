"""Decides in every worker process what waited too long for a moderator, and forgets what is old."""

from __future__ import annotations

import asyncio
import logging
import time

from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError, close_old_connections

from bus.chat import guest_networks, newcomers
from bus.messaging import publisher, task_results
from bus.posting import events
from bus.protocol.errors import Unavailable
from bus.review import expiry

logger = logging.getLogger(__name__)

# Between two looks, in seconds; limits are in minutes.
_PAUSE = 5.0
# Between two looks for what is kept no longer, in seconds.
_FORGET_EVERY = 600.0


async def expire_forever(pause: float = _PAUSE) -> None:
    """Look again and again, every `pause` seconds; workers run this beside their channels."""
    forgot_at = -_FORGET_EVERY
    while True:
        more = False
        try:
            if time.monotonic() - forgot_at >= _FORGET_EVERY:
                await sync_to_async(_forget)()
                forgot_at = time.monotonic()
            batches, more = await sync_to_async(_expire)()
            await publisher.publish(batches.rooms, batches.authors)
        except (OperationalError, InterfaceError, Unavailable) as error:
            # Decided and stored, or left for the next look; sessions repair what they missed.
            logger.debug("Held messages wait: %s", error)
        if not more:
            await asyncio.sleep(pause)


def _forget() -> None:
    close_old_connections()
    newcomers.forget_old()
    guest_networks.forget_old()
    task_results.forget_old()


def _expire() -> tuple[events.EventBatches, bool]:
    """What is to be told of a round, and whether there may be more to decide."""
    close_old_connections()
    domain_events = expiry.expire_due()
    return events.of_domain_events(domain_events), len(domain_events) >= expiry.LIMIT

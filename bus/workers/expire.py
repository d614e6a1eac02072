"""Decides in every worker process what waited too long for a moderator, and tells of it."""

from __future__ import annotations

import asyncio
import logging

from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError, close_old_connections

from bus import publisher
from bus.errors import Unavailable
from bus.services import events, expiry

logger = logging.getLogger(__name__)

# Between two looks, in seconds; limits are in minutes.
_PAUSE = 5.0


async def expire_forever() -> None:
    """Look again and again; workers run this beside their channels."""
    while True:
        try:
            told = await sync_to_async(_expire)()
            await publisher.publish(told.rooms, told.authors)
        except (OperationalError, InterfaceError, Unavailable) as error:
            # Decided and stored, or left for the next look; sessions repair what they missed.
            logger.debug("Held messages wait: %s", error)
        await asyncio.sleep(_PAUSE)


def _expire() -> events.Bulletins:
    close_old_connections()
    return events.of_facts(expiry.expire_due())

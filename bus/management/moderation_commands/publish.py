"""How a subcommand publishes what it did to those who have the room open."""

from __future__ import annotations

from asgiref.sync import async_to_sync
from django.core.management.base import OutputWrapper

from bus.messaging import publisher
from bus.posting import events
from bus.protocol.errors import Unavailable


def publish(made: events.EventBatches, stderr: OutputWrapper) -> None:
    """Publish events; where the broker is away, people see it when they come back."""
    try:
        async_to_sync(publisher.publish)(made.rooms, made.authors)
    except Unavailable as error:
        stderr.write(f"It is done and stored, but people see it only when they reload: {error}")

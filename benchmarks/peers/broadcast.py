"""Bus without moderation and database: what is sent goes into the room's group at once."""

from __future__ import annotations

from config.asgi import application as application

# Django is set up by the import above.
from bus.consumers.commands import HANDLERS  # isort: skip
from bus.consumers.commands.context import Context, Data  # isort: skip
from bus.messaging import publisher  # isort: skip
from bus.messaging.event_batch import EventBatch  # isort: skip
from bus.protocol.commands import MessageSend  # isort: skip
from bus.protocol.events import EventPublished  # isort: skip


async def send(context: Context, command: MessageSend) -> Data:
    """Tell the room, as a backend service's event is told."""
    room = context.rooms.require(command.room).access.room
    told = EventPublished(name="said", payload=command.body, source="bench", id=command.client_id)
    await publisher.publish({room.pk: EventBatch(events=[(None, told.frame(room.name))])})
    return {"status": "accepted"}


HANDLERS[MessageSend] = send

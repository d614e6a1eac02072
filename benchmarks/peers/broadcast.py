"""Bus without moderation and database: what is sent goes into the room's group at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bus.consumers import session as sessions
from config.asgi import application as application

# The name says so: Django is set up by the import above.
from bus.messaging import publisher  # isort: skip
from bus.messaging.event_batch import EventBatch  # isort: skip
from bus.protocol.commands import MessageSend  # isort: skip
from bus.protocol.events import EventPublished  # isort: skip

if TYPE_CHECKING:
    from bus.consumers.session import Session


async def send(session: Session, command: MessageSend) -> dict[str, Any]:
    """Tell the room, as a backend service's event is told."""
    room = session.place(command.room).entry.room
    told = EventPublished(name="said", payload=command.body, source="bench", id=command.client_id)
    await publisher.publish({room.pk: EventBatch(events=[(None, told.frame(room.name))])})
    return {"status": "accepted"}


sessions._METHODS[MessageSend] = send

"""Bus without moderation and database: what is sent goes into the room's group at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bus.asgi import application as application
from bus.consumers import session as sessions

# The name says so: Django is set up by the import above.
from bus import publisher, protocol  # isort: skip
from bus.publisher import Bulletin  # isort: skip

if TYPE_CHECKING:
    from bus.consumers.session import Session


async def send(session: Session, command: protocol.MessageSend) -> dict[str, Any]:
    """Tell the room, as a backend service's event is told."""
    room = session.place(command.room).entry.room
    told = protocol.EventPublished(
        name="said", payload=command.body, source="bench", id=command.client_id
    )
    await publisher.publish({room.pk: Bulletin(events=[(None, told.frame(room.name))])})
    return {"status": "accepted"}


sessions._METHODS[protocol.MessageSend] = send

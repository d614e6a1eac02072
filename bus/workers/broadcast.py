"""The channel `broadcast`: what backend services tell rooms and users, straight to the groups."""

from __future__ import annotations

from collections.abc import Sequence

from bus.broker import Delivery
from bus.chat import rooms
from bus.messaging import publisher
from bus.messaging.event_batch import EventBatch
from bus.protocol import user_ids
from bus.protocol.channel_messages import (
    AnnouncementRequested,
    ChannelMessage,
    EventRequested,
    NotificationRequested,
)
from bus.protocol.plain_chat import plain_chat_announcement
from bus.workers.base import BatchConsumer, Failures

Batch = Sequence[tuple[Delivery, ChannelMessage]]


class BroadcastWorker(BatchConsumer):
    """Tells rooms and users what backend services have to say; nothing of it is stored."""

    async def handle(self, batch: Batch) -> Failures:
        """Publish a list, in order; rooms that do not exist are told nothing."""
        failures = await self.impersonating(dict(enumerate(message for _, message in batch)))
        batch = [each for at, each in enumerate(batch) if at not in failures]
        named = {name for _, message in batch for name in message.named_rooms}
        everywhere = any(getattr(message, "rooms", None) == "all" for _, message in batch)
        found = await self.in_thread(rooms.by_names, None if everywhere else sorted(named))
        by_name = {room.name: room.pk for room in found}
        to_rooms: dict[int, EventBatch] = {}
        to_users: dict[str, EventBatch] = {}
        for delivery, message in batch:
            if isinstance(message, NotificationRequested):
                frame = message.event(delivery.message_id).frame()
                for user in message.users:
                    to_users.setdefault(user_ids.author_key(user), EventBatch()).events.append(
                        (None, frame)
                    )
            elif isinstance(message, AnnouncementRequested | EventRequested):
                wanted = by_name if message.rooms == "all" else dict.fromkeys(message.rooms)
                for name in wanted:
                    if name in by_name:
                        _add_events(
                            to_rooms.setdefault(by_name[name], EventBatch()),
                            name,
                            message,
                            delivery.message_id,
                        )
        await publisher.publish(to_rooms, to_users, strict=True)
        return failures


def _add_events(
    event_batch: EventBatch, room: str, message: AnnouncementRequested | EventRequested, id: str
) -> None:
    event_batch.events.append((None, message.event(id).frame(room)))
    if isinstance(message, AnnouncementRequested):
        event_batch.plain_chat.append(
            (None, plain_chat_announcement(room, message.body, message.source, id))
        )

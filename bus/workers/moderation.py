"""The channel `moderation`: judge, settle, tell."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import replace

from bus import publisher, reasons
from bus.conf import conf
from bus.layer import Delivery, Undeliverable
from bus.models import Message, Room
from bus.moderation import POLICIES, Context, Policy, judge
from bus.protocol import MessageSubmitted, Outcome, Reason
from bus.services import access, events, history, messages, rooms
from bus.services.messages import Settlement, Submission
from bus.workers.base import BatchConsumer, Failures

logger = logging.getLogger(__name__)

Batch = Sequence[tuple[Delivery, MessageSubmitted]]


class ModerationWorker(BatchConsumer):
    """Moderates what people write, stores it, and tells the room or the author."""

    async def handle(self, batch: Batch) -> Failures:
        """Settle a list in one transaction, then publish it."""
        memories = [_memory(message) for _, message in batch]
        recent = dict(zip(memories, await publisher.recall(memories), strict=True))
        known, settled = await self.in_thread(_judge_and_settle, batch, recent)
        bulletins = events.Bulletins()
        failures: Failures = {}
        for position, (delivery, message) in enumerate(batch):
            settlement = settled.get(position)
            room = known.get(message.room)
            if settlement is None or settlement.row is None or room is None:
                failures[position] = Undeliverable(f"there is no room {message.room}")
                _tell_room_is_gone(bulletins, message)
                continue
            _tell(bulletins, settlement.row, room, delivery, settlement)
        said = [(memories[at], batch[at][1].body) for at, s in settled.items() if not s.repeat]
        # Together they share a round trip.
        await asyncio.gather(
            publisher.publish(bulletins.rooms, bulletins.authors), publisher.remember(said)
        )
        return failures


def _judge_and_settle(
    batch: Batch, recent: dict[str, tuple[str, ...]]
) -> tuple[dict[str, Room], dict[int, Settlement]]:
    """Judge each message by its room's policy, then settle all; results by position."""
    known = {room.name: room for room in rooms.by_names([message.room for _, message in batch])}
    seen: dict[str, list[str]] = {}
    submissions: dict[int, Submission] = {}
    policies = {name: _policy(room) for name, room in known.items()}
    trusted = access.moderators(known.values())
    for position, (delivery, message) in enumerate(batch):
        room = known.get(message.room)
        if room is None:
            continue
        memory = _memory(message)
        if memory not in seen:
            seen[memory] = list(recent[memory])
        bodies = seen[memory]
        context = Context(
            recent=tuple(bodies), trusted=(room.pk, access.author_key(message.author)) in trusted
        )
        verdict = judge(message.body, policies[room.name], context)
        bodies.append(message.body)
        received = dt.datetime.fromtimestamp(delivery.sent_at / 1000, dt.UTC)
        submissions[position] = Submission(room.pk, message, verdict, received)
    settled = messages.settle(list(submissions.values())) if submissions else []
    return known, dict(zip(submissions, settled, strict=True))


def _policy(room: Room) -> Policy:
    """The room's policy, with the site's own limit for a body."""
    return replace(POLICIES[room.moderation], max_length=conf.body_limit)


def _memory(message: MessageSubmitted) -> str:
    """What the recent messages of one author in one room are kept under."""
    return f"{message.room}/{access.author_key(message.author)}"


def _tell(
    bulletins: events.Bulletins,
    row: Message,
    room: Room,
    delivery: Delivery,
    settlement: Settlement,
) -> None:
    """Tell the room once; a repeat again only where a worker may have died before telling."""
    if row.status == Message.Status.POSTED and (not settlement.repeat or delivery.redelivered):
        bulletins.posted(row, room.name)
    outcome = history.outcome(row)
    bulletins.settled(row.author_key, room.name, outcome)
    bulletins.refused(room.pk, outcome)


def _tell_room_is_gone(bulletins: events.Bulletins, message: MessageSubmitted) -> None:
    outcome = Outcome(
        client_id=message.client_id,
        status="rejected",
        reason=Reason(code="not_found", message=reasons.text("not_found")),
    )
    bulletins.settled(access.author_key(message.author), message.room, outcome)

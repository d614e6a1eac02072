"""The channel `moderation`: judge, settle, tell."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.dispatch import receiver

from bus.broker import Delivery, Undeliverable
from bus.broker.signals import delivery_failed
from bus.chat import clock, history, rooms
from bus.chat.visitors import author_key
from bus.enforcement import author_context, external_classifier, personal_data, room_policies
from bus.enforcement.external_classifier import ExternalClassifier
from bus.enforcement.recent_texts import RecentTexts
from bus.messaging import default_layer, publisher, text_store
from bus.models import Message, Room
from bus.moderation import JudgeRequest, Verdict, judge_many
from bus.posting import events, settle
from bus.posting.domain_events import Removed
from bus.posting.settle import Settlement, Submission
from bus.protocol import channel_names, reasons
from bus.protocol.channel_messages import (
    DryRunContinued,
    MessageSubmitted,
    parse_channel_message,
)
from bus.protocol.errors import BusError
from bus.protocol.objects import Outcome, Reason
from bus.workers import dry_run
from bus.workers.base import BatchConsumer, Failures

_POSTED = Message.Status.POSTED.value
Batch = Sequence[tuple[Delivery, MessageSubmitted]]


@dataclass(slots=True)
class Judged:
    """The rooms of a list by name, and its verdicts by position; none where the room is gone."""

    rooms: dict[str, Room]
    verdicts: dict[int, Verdict]
    # What the broker keeps of each that was judged, by position (RecentTexts.add).
    said: dict[int, str]
    # The positions about which an external judge may be asked.
    open_to_others: set[int]


class ModerationWorker(BatchConsumer):
    """Moderates what people write, stores it, and tells the room or the author."""

    parallel = True

    def __init__(self) -> None:
        super().__init__()
        self._external = ExternalClassifier()

    async def handle(
        self, batch: Sequence[tuple[Delivery, MessageSubmitted | DryRunContinued]]
    ) -> Failures:
        """Settle what people wrote, then do what dry runs ask for."""
        written: dict[int, tuple[Delivery, MessageSubmitted]] = {}
        steps: dict[int, DryRunContinued] = {}
        for at, (delivery, message) in enumerate(batch):
            if isinstance(message, DryRunContinued):
                steps[at] = message
            else:
                written[at] = (delivery, message)
        failures = await self.impersonating({at: message for at, (_, message) in written.items()})
        for at in failures:
            del written[at]
        if written:
            positions = list(written)
            failed = await self._settle(list(written.values()))
            failures |= {positions[at]: error for at, error in failed.items()}
        for at, step in steps.items():
            try:
                await self.in_thread(dry_run.go_on, step)
            except Exception as error:
                # It is alone in failing: what people wrote is settled.
                failures[at] = error
        return failures

    async def _settle(self, batch: Batch) -> Failures:
        """Settle a list in one transaction, then publish it."""
        keys = [author_key(message.author) for _, message in batch]
        recalled = await text_store.recall(keys)
        recent = dict(zip(keys, recalled, strict=True))
        if self._external.asked:
            judged = await self.in_thread(_judge_all, batch, keys, recent, True)
            asked = {at: judged.verdicts[at] for at in sorted(judged.open_to_others)}
            # What may not be stored is not sent elsewhere either.
            bodies = [m.body for _, m in batch]
            for at, verdict in asked.items():
                bodies[at] = verdict.shown(bodies[at])
            await self._external.consult(asked, bodies)
            judged.verdicts.update(asked)
            event_batches, failures, said = await self.in_thread(_settle, batch, keys, judged)
        else:
            event_batches, failures, said = await self.in_thread(
                _judge_and_settle, batch, keys, recent
            )
        # Together they share a round trip.
        await asyncio.gather(
            publisher.publish(event_batches.rooms, event_batches.authors), text_store.remember(said)
        )
        return failures


# What is to be told, which positions failed, and by author key what was said that is new.
Settled = tuple[events.EventBatches, Failures, list[tuple[str, str]]]


def _judge_and_settle(
    batch: Batch, keys: Sequence[str], recent: Mapping[str, tuple[str, ...]]
) -> Settled:
    return _settle(batch, keys, _judge_all(batch, keys, recent))


def _judge_all(
    batch: Batch,
    keys: Sequence[str],
    recent: Mapping[str, tuple[str, ...]],
    others_asked: bool = False,
) -> Judged:
    """Judge each message by its room's policy and what is known of its author."""
    found = {room.name: room for room in rooms.by_names([message.room for _, message in batch])}
    policy_of = {name: room_policies.of_room(room) for name, room in found.items()}
    wrote: dict[str, dict[str, list[str]]] = {name: {} for name in found}
    for key, (_, message) in zip(keys, batch, strict=True):
        if message.room in wrote:
            wrote[message.room].setdefault(key, []).append(message.body)
    authors = author_context.of_authors({room: wrote[name] for name, room in found.items()})
    said = {key: RecentTexts(lines) for key, lines in recent.items()}
    cases: dict[int, JudgeRequest] = {}
    lines: dict[int, str] = {}
    open_to_others: set[int] = set()
    for position, (key, (delivery, message)) in enumerate(zip(keys, batch, strict=True)):
        room = found.get(message.room)
        if room is None:
            continue
        author, recent_texts = authors[room.id, key], said[key]
        policy = policy_of[message.room]
        known = recent_texts.at(message.room, delivery.steady_at, timed=policy.flood_messages > 0)
        context = author.context(known)
        cases[position] = JudgeRequest(message.body, policy, context)
        if others_asked and external_classifier.concerns(room, context):
            open_to_others.add(position)
        lines[position] = recent_texts.add(delivery.steady_at, message.room, message.body)
        author.first_message = False
    verdicts = judge_many(list(cases.values()))
    return Judged(found, dict(zip(cases, verdicts, strict=True)), lines, open_to_others)


def _settle(batch: Batch, keys: Sequence[str], judged: Judged) -> Settled:
    """Settle all, and put together what is to be told."""
    submissions: dict[int, Submission] = {}
    for position, verdict in judged.verdicts.items():
        delivery, message = batch[position]
        room_id, at = judged.rooms[message.room].id, clock.at(delivery.steady_at)
        submissions[position] = Submission(room_id, message, verdict, at)
        if verdict.redacted is not None:
            _keep_without(delivery, verdict.redacted)
    done = settle.settle(list(submissions.values())) if submissions else []
    settled = dict(zip(submissions, done, strict=True))
    moderators = events.moderators_for([event for s in done for event in s.domain_events])
    event_batches = events.EventBatches()
    failures: Failures = {}
    for position, (delivery, message) in enumerate(batch):
        settlement = settled.get(position)
        if settlement is None or settlement.row is None:
            failures[position] = Undeliverable(f"there is no room {message.room}")
            _add_room_is_gone(event_batches, message)
            continue
        room = judged.rooms[message.room]
        with events.failures_logged(f"Message {settlement.row.id}"):
            _add_events(event_batches, settlement.row, room, delivery, settlement)
        for event in settlement.domain_events if _is_unpublished(settlement, delivery) else ():
            event_batches.add(event, moderators.get(room.id, ()))
    said = [(keys[at], judged.said[at]) for at, each in settled.items() if not each.repeat]
    return event_batches, failures, said


def _keep_without(delivery: Delivery, body: str) -> None:
    """Have the broker keep a message with this text in place of its own, if it keeps it at all."""
    delivery.kept = default_layer.get().serialize({**delivery.message, "body": body})


@receiver(delivery_failed)
async def _redact_dead_letter(delivery: Delivery, final: bool, **_kwargs: Any) -> None:
    """Take personal data out of a message that becomes a dead letter."""
    if not final or delivery.kept or delivery.channel != channel_names.MODERATION:
        return
    written = delivery.message.get("body")
    if isinstance(written, str):
        body = await sync_to_async(_without_personal_data)(delivery)
        if body != written:
            _keep_without(delivery, body)


def _without_personal_data(delivery: Delivery) -> str:
    close_old_connections()
    try:
        message = parse_channel_message(delivery.channel, delivery.message)
    except BusError:
        return personal_data.of_unread(delivery.message["body"])
    if isinstance(message, MessageSubmitted):
        return personal_data.of_dead_letter(message)
    return personal_data.of_unread(delivery.message["body"])


def _add_events(
    event_batches: events.EventBatches,
    row: Message,
    room: Room,
    delivery: Delivery,
    settlement: Settlement,
) -> None:
    """Tell the room once, and the author as often as they ask."""
    if row.status == _POSTED and _is_unpublished(settlement, delivery):
        retracted = any(isinstance(event, Removed) for event in settlement.domain_events)
        event_batches.posted(row, room.name, retracted=retracted)
        if settlement.repeat and row.removed_at is not None:
            event_batches.changed(row, room.name, row.reason)
    outcome = history.outcome(row)
    event_batches.settled(row.author_key, room.name, outcome)
    event_batches.refused(room.id, row.author_key, outcome)


def _is_unpublished(settlement: Settlement, delivery: Delivery) -> bool:
    """Whether it is new, or a worker may have died before it told of it."""
    return not settlement.repeat or delivery.redelivered


def _add_room_is_gone(event_batches: events.EventBatches, message: MessageSubmitted) -> None:
    outcome = Outcome(
        client_id=message.client_id,
        status="rejected",
        reason=Reason(code="not_found", message=reasons.text("not_found")),
    )
    event_batches.settled(author_key(message.author), message.room, outcome)

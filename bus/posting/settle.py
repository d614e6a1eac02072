"""Settles messages: rights, seq and outcome, in one transaction per batch."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from django.db import transaction

from bus.chat import authors, clock, history, room_rights, visitors
from bus.chat.room_rights import Rights
from bus.chat.user_adapter import Profile
from bus.enforcement import open_review, room_policies, slow_mode, strikes
from bus.models import Message, Review, Room, Sanction
from bus.models.sql import messages, rooms
from bus.models.sql.messages import Key
from bus.moderation import Verdict
from bus.moderation.reasons import CRISIS
from bus.posting import erasures, removal
from bus.posting.domain_events import DomainEvent, Opened, Removed
from bus.protocol import user_ids
from bus.protocol.channel_messages import MessageSubmitted

# What posts, holds and rejects, by the verdict's action.
_POSTED = Message.Status.POSTED.value
_HELD = Message.Status.HELD.value
_REJECTED = Message.Status.REJECTED.value
_STATUS = {
    "allow": _POSTED,
    "alert": _POSTED,
    "mask": _POSTED,
    "hold": _HELD,
    "reject": _REJECTED,
}


class Submission(NamedTuple):
    """A judged message on its way into the database."""

    room_id: int
    message: MessageSubmitted
    verdict: Verdict
    # When the broker took it, by the clock that all share.
    received_at: dt.datetime

    @property
    def author_key(self) -> str:
        """Who wrote it."""
        return visitors.author_key(self.message.author)

    @property
    def key(self) -> Key:
        """What makes a repeat a repeat."""
        return self.room_id, self.author_key, self.message.client_id


class Settlement(NamedTuple):
    """What became of a submission; a repeat has the row of the first time."""

    submission: Submission
    # None where the room is gone: then there is nowhere to keep it.
    row: Message | None
    repeat: bool
    # What else came of it, of a repeat what waits; the message and its outcome are not among them.
    domain_events: Sequence[DomainEvent] = ()


def settle(submissions: Sequence[Submission]) -> list[Settlement]:
    """Give each submission its outcome, in order, all or none; raises what the database raises."""
    with transaction.atomic():
        return _Settling(submissions).run()


class _Settling:
    """One transaction's work."""

    def __init__(self, submissions: Sequence[Submission]) -> None:
        self.submissions = submissions
        self.keys = [submission.key for submission in submissions]
        self.now = clock.now()
        ids = {s.room_id for s in submissions}
        self.rooms = {room.id: room for room in rooms.lock(ids)}
        self.room_settings = {
            pk: room_policies.settings_of(room) for pk, room in self.rooms.items()
        }
        self.strike_batch = strikes.StrikeBatch(self.now)
        self.domain_events: dict[Key, list[DomainEvent]] = {}
        # Those with personal data, by room.
        self.redacted: dict[int, list[Message]] = {}
        self.rows = history.stored(set(self.keys))
        authors_of: dict[int, set[str]] = {pk: set() for pk in self.rooms}
        networks: dict[str, set[str]] = {}
        for (_, author_key, _), submission in zip(self.keys, submissions, strict=True):
            if submission.message.network:
                networks.setdefault(author_key, set()).add(submission.message.network)
        for room_id, author_key, _ in self.keys:
            if room_id in authors_of:
                authors_of[room_id].add(author_key)
        self.rights = room_rights.rights(
            {self.rooms[pk]: keys for pk, keys in authors_of.items()}, networks=networks, here=True
        )
        self.last_sent = slow_mode.last_written(
            self.rooms.values(),
            {author_key for _, author_key, _ in self.keys},
            max(s.received_at for s in submissions),
        )
        self.answered = self._answered()

    def run(self) -> list[Settlement]:
        """Settle all."""
        settlements: list[Settlement] = []
        new: list[Message] = []
        for key, submission in zip(self.keys, self.submissions, strict=True):
            row = self.rows.get(key)
            repeat = row is not None
            if row is None and submission.room_id in self.rooms:
                row = self.rows[key] = self._outcome(submission, key[1])
                new.append(row)
            domain_events = self._again(row) if repeat else self.domain_events.get(key, ())
            settlements.append(Settlement(submission, row, repeat, domain_events))
        messages.insert(new)
        open_review.save(
            f.review
            for found in self.domain_events.values()
            for f in found
            if isinstance(f, Opened)
        )
        self.strike_batch.save()
        for room_id, rows in self.redacted.items():
            # The broker keeps them without it; its files have had it.
            erasures.note(self.rooms[room_id], rows, searched=True)
        posted_in = {row.room_id for row in new if row.seq is not None}
        if posted_in:
            rooms.save_heads(self.rooms[pk] for pk in posted_in)
        return settlements

    def _again(self, row: Message | None) -> list[DomainEvent]:
        """The review that a message opened, told again: its worker may have died before it did."""
        if row is None or row.pk is None or row.room_id not in self.rooms:
            return []
        if not (row.verdict or row.status == _HELD):
            return []
        row.room = self.rooms[row.room_id]
        reviews = list(Review.objects.filter(message=row, state=Review.State.OPEN))
        for review in reviews:
            review.message = row
        return [Opened(review) for review in reviews]

    def _answered(self) -> set[tuple[int, int]]:
        """The (room, message) pairs that replies may point at."""
        asked = {int(s.message.reply_to) for s in self.submissions if s.message.reply_to}
        if not asked:
            return set()
        rows = Message.objects.filter(pk__in=asked, status=Message.Status.POSTED)
        return set(rows.values_list("room", "pk"))

    def _outcome(self, submission: Submission, author_key: str) -> Message:
        room, message, verdict = (
            self.rooms[submission.room_id],
            submission.message,
            submission.verdict,
        )
        right = self.rights[room.id, author_key]
        refusal = self._refusal(submission, right)
        status = _REJECTED if refusal else _STATUS[verdict.action]
        # Posted first, and taken out again at once.
        retracted = (
            not refusal
            and status != _POSTED
            and self.room_settings[room.id].mode == "after"
            # Personal data that is held, nobody is to see for a moment either; nor is a room to
            # hear that somebody is in danger. What is too long was read for personal data alone.
            and not (verdict.action == "hold" and verdict.holds_personal)
            and verdict.reason not in (CRISIS, "too_long")
        )
        held = status == _HELD
        if retracted:
            status = _POSTED
        reply_to = int(message.reply_to) if message.reply_to else None
        shown = right.profile or _called(message.author.name)
        row = messages.new(
            room,
            status=status,
            author_id=user_ids.user_of(author_key) if right.profile is not None else None,
            author_key=author_key,
            author_name=shown.name,
            client_id=message.client_id,
            body=verdict.stored(message.body, held=held),
            reason=refusal or ("" if status == _POSTED else verdict.reason or "moderation"),
            verdict=open_review.kept(verdict, message.body),
            reply_to_id=reply_to if (room.id, reply_to) in self.answered else None,
            created_at=submission.received_at,
        )
        authors.note(row, shown)
        if verdict.redacted is not None:
            self.redacted.setdefault(room.id, []).append(row)
        if status != _REJECTED:
            self.last_sent[room.id, author_key] = submission.received_at
        if status == _POSTED:
            post(row, room, self.now)
        if verdict.action != "allow" and not refusal:
            self.domain_events[submission.key] = self._consequences(
                row, room, verdict, right, retracted
            )
        return row

    def _consequences(
        self, row: Message, room: Room, verdict: Verdict, right: Rights, retracted: bool
    ) -> list[DomainEvent]:
        """What else a verdict brings: a retraction, a review, a strike and what that leads to."""
        domain_events: list[DomainEvent] = []
        room_settings = self.room_settings[room.id]
        if retracted:
            removal.take_out(row, room, self.now, verdict.reason or "moderation")
            domain_events.append(Removed(row, row.reason))
        review = open_review.of_verdict(row, verdict, room_settings, self.now, retracted=retracted)
        if review is not None:
            domain_events.append(Opened(review))
        if strikes.punishable(verdict) and not right.trusted and not right.service:
            rule = open_review.rule_of(verdict)
            sanction = self.strike_batch.strike(row, room, rule, room_settings)
            if sanction is not None:
                # It holds for what the author has sent since.
                if sanction.kind == Sanction.Kind.BAN:
                    right.banned = sanction
                else:
                    right.muted = sanction
        return domain_events

    def _refusal(self, submission: Submission, right: Rights) -> str:
        """Why this author may not write this now, as a reason code; "" if they may."""
        if refusal := right.refusal():
            return refusal
        last = self.last_sent.get((submission.room_id, right.key))
        if slow_mode.wait(right, last, submission.received_at):
            return "slow_mode"
        return ""


@lru_cache(10_000)
def _called(name: str) -> Profile:
    """What is shown of who is no user."""
    return Profile(name)


def post(row: Message, room: Room, now: dt.datetime) -> None:
    """Give a message its place in its room; the caller holds the room's lock and saves both."""
    room.head += 1
    row.status = _POSTED
    row.seq = row.changed = room.head
    row.posted_at = now

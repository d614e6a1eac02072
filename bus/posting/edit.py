"""Edits and removes messages; each change of a posted one takes the room's next `seq`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from bus.chat import clock, crisis, history, room_rights, users
from bus.chat.room_rights import Rights
from bus.chat.visitors import Visitor
from bus.conf import conf
from bus.enforcement import (
    audit,
    author_context,
    external_classifier,
    open_review,
    room_policies,
    slow_mode,
)
from bus.enforcement.recent_texts import RecentTexts
from bus.models import Message, Review, Room
from bus.moderation import Verdict, judge
from bus.moderation.reasons import CRISIS
from bus.posting import erasures
from bus.posting.domain_events import Closed, DomainEvent, Opened, Removed, Settled, Shown
from bus.protocol import reasons
from bus.protocol.errors import Conflict, Forbidden, Invalid, NotFound, SlowMode
from bus.protocol.objects import Reason

_STANDS = ("allow", "alert", "mask")


class NotAllowed(Invalid):
    """The room's policy does not let this text stand; its kind of reason is on the wire.

    `domain_events` are stored and to be told: moderators hear of who may be in danger.
    """

    def __init__(self, reason: str, domain_events: Sequence[DomainEvent] = ()) -> None:
        super().__init__(reasons.text(reason), field="body")
        self.reason = Reason(code=reason, message=reasons.text(reason))
        self.domain_events = domain_events

    def as_wire(self) -> dict[str, Any]:
        """The error object, with the reason beside code, message and field, and with help."""
        notice = {"notice": crisis.notice().model_dump()} if self.reason.code == CRISIS else {}
        return super().as_wire() | {"reason": self.reason.model_dump()} | notice


@dataclass(slots=True)
class Change:
    """A message as it is now, and what must be told of how it came to be so."""

    row: Message
    domain_events: list[DomainEvent] = field(default_factory=list)
    # What is to be remembered of its author (bus.messaging.text_store); "" where nothing was said.
    said: str = ""


def judge_edit(
    room_id: int, visitor: Visitor, body: str, said: Sequence[str] = ()
) -> tuple[Verdict, bool]:
    """The verdict on new words, and whether an external judge may be asked; raises NotFound.

    `said` is what the text store remembers of the author: edits count as messages do.
    """
    room = Room.objects.filter(pk=room_id).first()
    if room is None:
        raise NotFound
    # No body is asked about: what is edited is nobody's first message.
    author = author_context.of_authors({room: {visitor.key: ()}})[room.pk, visitor.key]
    policy = room_policies.of_room(room)
    known = RecentTexts(said).at(room.name, clock.now_ms(), timed=policy.flood_messages > 0)
    context = author.context(known)
    return judge(body, policy, context), external_classifier.concerns(room, context)


def edit(
    room_id: int,
    message_id: str,
    visitor: Visitor,
    body: str,
    *,
    verdict: Verdict | None = None,
    said: Sequence[str] = (),
) -> Change:
    """Change the words of one's own message; the same words again change nothing.

    What the policy would hold is refused: others have read the message, so to hide it until
    somebody looks would tell them less than it tells of it. A refused edit is no strike, but a line
    in the audit log, and of who may be in danger a moderator is told. `verdict` is that of
    `judge_edit`, where an external judge had its say too; without it `said` is what `judge_edit`
    takes. Raises a BusError.
    """
    # Before the lock: it takes time, and needs nothing that a lock protects.
    verdict = verdict or judge_edit(room_id, visitor, body, said)[0]
    with transaction.atomic():
        found = _Found(room_id, message_id, visitor)
        row, now = found.row, clock.now()
        found.right.admit().check_write()
        found.check_editable()
        text = verdict.stored(body, held=False)
        if text == row.body:
            # Told again: the first time may have reached nobody.
            return Change(row, [Shown(row)])
        _check_window(row, now)
        found.check_slow_mode(now)
        if verdict.action in _STANDS:
            row.body = text
            row.verdict = open_review.kept(verdict, body)
            row.edited_at = now
            erasures.note(found.room, [row])
            found.take_seq()
            row.save(update_fields=["body", "verdict", "edited_at", "changed"])
            domain_events = [Shown(row), *found.alert(verdict, now)]
            return Change(
                row, domain_events, said=RecentTexts.line(clock.now_ms(), found.room.name, body)
            )
        reason = verdict.reason or "moderator"
        actor = audit.rule(open_review.rule_of(verdict))
        audit.note("edit.refused", actor, found.room, message=row, reason=reason)
        alerts = found.alert(verdict, now)
        if alerts:
            # The moderator reads what was said, the room what it has read before.
            row.verdict = open_review.kept(verdict, body)
            row.save(update_fields=["verdict"])
    raise NotAllowed(reason, alerts)


def remove(room_id: int, message_id: str, visitor: Visitor, note: str = "") -> Change:
    """Remove a message for good, or withdraw one that is held; once more changes nothing.

    Its text is wiped. What a moderator removes, and what is under review, keeps the text beside the
    verdict, which is served to nobody: otherwise an author could destroy what they are reported
    for. Raises a BusError.
    """
    with transaction.atomic():
        found = _Found(room_id, message_id, visitor)
        row = found.row
        found.right.admit()
        if row.status != Message.Status.POSTED:
            return Change(row, found.withdraw())
        if not found.by_author and not found.right.trusted:
            raise Forbidden("Only its author or a moderator may remove a message.")
        closed = found.remove(note) if row.body else []
        reason = "" if history.remover(row) == "author" else note or "moderator"
        return Change(row, [Removed(row, reason), *closed])


class _Found:
    """A message that somebody wants to change, with its room locked."""

    def __init__(self, room_id: int, message_id: str, visitor: Visitor) -> None:
        # The room first, as everywhere: its lock orders everything that changes its messages.
        room = Room.objects.select_for_update().filter(pk=room_id).first()
        if room is None:
            raise NotFound
        self.room = room
        row = Message.objects.filter(pk=int(message_id), room=room).first()
        self.right: Rights = room_rights.rights_of(visitor, room)
        # Held and rejected messages are nobody's business but their author's.
        if row is None or (row.status != "posted" and row.author_key != visitor.key):
            raise NotFound("There is no such message.")
        row.room = room
        self.row = row
        self.visitor = visitor
        self.review = Review.objects.filter(message=row).first()
        if self.review is not None:
            self.review.message = row
        self.by_author = row.author_key == visitor.key

    def take_seq(self) -> None:
        """Make the change the room's newest; the caller saves the message."""
        self.room.head += 1
        self.row.changed = self.room.head
        Room.objects.filter(pk=self.room.pk).update(head=self.room.head)

    def check_editable(self) -> None:
        """Raise where its author may not change it, whatever the words."""
        row = self.row
        if not self.by_author:
            raise Forbidden("Only its author may change a message.")
        if row.status == Message.Status.HELD:
            raise Conflict("It waits for a moderator; withdraw it and write another.")
        if row.status != Message.Status.POSTED or row.removed_at is not None:
            raise NotFound("There is no such message.")
        if self.review is not None and self.review.state == Review.State.OPEN:
            raise Conflict("A moderator is about to look at it as it is.")

    def check_slow_mode(self, now: dt.datetime) -> None:
        """Raise SlowMode where the author wrote or changed something a moment ago."""
        key = self.visitor.key
        last = slow_mode.last_written([self.room], [key], now).get((self.room.pk, key))
        if wait := slow_mode.wait(self.right, last, now):
            raise SlowMode(retry_after=wait)

    def alert(self, verdict: Verdict, now: dt.datetime) -> list[DomainEvent]:
        """Have a moderator look at an edit that a rule alerts to, or of who is in danger."""
        if not open_review.alerts(verdict):
            return []
        reason, rule = verdict.reason or "", open_review.rule_of(verdict)
        # One that was decided was about other words.
        review = self.review or Review(message=self.row)
        open_review.reopen(review, Review.Kind.ALERT, reason, rule, now)
        review.save()
        return [Opened(review)]

    def remove(self, note: str) -> list[DomainEvent]:
        """Wipe it, and end its review where a moderator does it; returns what that is to others."""
        row, review, now = self.row, self.review, clock.now()
        under_review = review is not None and review.state == Review.State.OPEN
        self._wipe(keep=not self.by_author or under_review)
        row.reason = "author" if self.by_author else "moderator"
        if row.removed_at is None:
            # Else reports have hidden it, and the room was told.
            row.removed_at = now
            self.take_seq()
        row.save(update_fields=["body", "verdict", "reason", "removed_at", "changed"])
        if not self.by_author:
            by = users.by_keys([self.visitor.key]).get(self.visitor.key)
            actor = audit.person(by)
            audit.note("message.removed", actor, self.room, message=row, reason=note)
        if review is None:
            return []
        # No decision brings it back.
        review.hidden = False
        review.save(update_fields=["hidden"])
        return self._close("removed by a moderator") if under_review and not self.by_author else []

    def withdraw(self) -> list[DomainEvent]:
        """Take back a message that nobody else has seen; once more is told again."""
        row = self.row
        if row.status != Message.Status.HELD:
            if row.reason == "withdrawn":
                return [Settled(row)]
            raise NotFound("There is no such message.")
        self._wipe(keep=False)
        row.status = Message.Status.REJECTED
        row.reason = "withdrawn"
        row.save(update_fields=["body", "verdict", "status", "reason"])
        return [Settled(row), *self._close("withdrawn by its author")]

    def _wipe(self, *, keep: bool) -> None:
        """Take the text out of the row; `keep` leaves it where moderators alone see it."""
        row = self.row
        row.verdict = {"body": row.body, **(row.verdict or {})} if keep else None
        row.body = ""
        erasures.note(self.room, [row])

    def _close(self, note: str) -> list[DomainEvent]:
        review = self.review
        if review is None or review.state != Review.State.OPEN:
            return []
        review.state, review.decided_at, review.note = Review.State.REJECTED, clock.now(), note
        if not self.by_author:
            review.decided_by_id = self.visitor.user_id
        review.claimed_by = review.claimed_until = review.expires_at = None
        review.save()
        return [Closed(review)]


def _check_window(row: Message, now: dt.datetime) -> None:
    limit = conf.edit_window
    assert row.posted_at is not None
    if limit and now - row.posted_at > dt.timedelta(seconds=limit):
        raise Forbidden(f"A message can be changed for {limit / 60:g} minutes.")

"""Dry runs: a changed policy over a room's history, and what would have been different."""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from bus.chat import user_adapter, users
from bus.chat.room_rights import MODERATING
from bus.enforcement import room_policies, training_labels
from bus.enforcement.policy_diff import PolicyDiff
from bus.messaging.text_store import REMEMBERED
from bus.models import DryRun, Member, Message, Room
from bus.moderation import Context, JudgeRequest, Policy, fingerprint, judge_many
from bus.protocol import user_ids
from bus.protocol.errors import BusError, Conflict, Invalid, NotFound

# Messages that `compare` looks at at most; more is a worker's job.
MOST_AT_ONCE: Final = 10_000
_MOST: Final = 1_000_000_000
# Messages of one step of a job; live messages may wait for it in the same worker.
STEP: Final = 250
# Messages before those, in which their authors may have begun what is a flood or a repeat by then.
_BEFORE: Final = 250


def compare(
    room: Room,
    *,
    moderation: str | None = None,
    parts: dict[str, Any] | None = None,
    last: int = 1000,
    days: float | None = None,
) -> PolicyDiff:
    """What a policy changes over the last messages, or the last days; raises Invalid.

    `parts` are put over those of the room. What is compared are two policies of today's engine, so
    that nothing but the change of the policy shows.
    """
    if not 0 < last <= MOST_AT_ONCE:
        raise Invalid(f"At once, 1 to {MOST_AT_ONCE} messages are compared.", field="last")
    tried = tried_policy(room, moderation, parts)
    rows = list(_history(room, days).order_by("-pk")[:last])[::-1]
    found = PolicyDiff()
    _judge(room, tried, rows, found)
    return found


def start(
    room: Room,
    *,
    by: AbstractBaseUser | None,
    moderation: str | None = None,
    parts: dict[str, Any] | None = None,
    last: int | None = None,
    days: float | None = None,
) -> DryRun:
    """Make a dry run for a worker to do step by step; raises Invalid.

    Over all of the history, the last messages, or the last days.
    """
    if last is not None and not 0 < last <= _MOST:
        raise Invalid(f"A job looks at 1 to {_MOST:,} messages.", field="last")
    tried_policy(room, moderation, parts)
    ids = _history(room, days).order_by("-pk").values_list("pk", flat=True)
    newest = ids.first() or 0
    if last is not None:
        ids = ids[:last]
        first = min(ids, default=newest + 1)
    else:
        first = ids.last() or newest + 1
    total = _between(room, first - 1, newest).count()
    return DryRun.objects.create(
        room=room,
        moderation=moderation or room.moderation,
        parts={**room.policy_parts, **(parts or {})},
        position=first - 1,
        last=newest,
        total=total,
        created_by=cast(Any, by),
        state=DryRun.State.RUNNING if total else DryRun.State.DONE,
        ended_at=None if total else timezone.now(),
    )


def step(run_id: int, after: int, size: int = STEP) -> DryRun | None:
    """Look at the next `size` messages after that id; None where this was done before, or it ended.

    The caller, in the same transaction, sees to it that the next step follows while it is running.
    """
    with transaction.atomic():
        run = DryRun.objects.select_for_update().select_related("room").filter(pk=run_id).first()
        if run is None or run.state != DryRun.State.RUNNING or run.position != after:
            return None
        try:
            _advance(run, size)
        except BusError as error:
            # The parts held when it was made: this version of the engine reads them otherwise.
            run.state, run.error = DryRun.State.FAILED, error.text[:500]
        if run.state != DryRun.State.RUNNING:
            _end(run)
        run.save()
    return run


def stop(run_id: int) -> DryRun:
    """Stop a dry run; what it has found stays. Raises NotFound, Conflict."""
    with transaction.atomic():
        run = DryRun.objects.select_for_update().filter(pk=run_id).first()
        if run is None:
            raise NotFound("There is no such dry run.")
        if run.state != DryRun.State.RUNNING:
            raise Conflict(f"This dry run has ended already: {run.state}.")
        run.state = DryRun.State.STOPPED
        _end(run)
        run.save()
    return run


def find(run_id: int) -> DryRun:
    """A dry run; raises NotFound."""
    run = DryRun.objects.select_related("room").filter(pk=run_id).first()
    if run is None:
        raise NotFound("There is no such dry run.")
    return run


def examples(found: PolicyDiff) -> dict[str, list[tuple[str, str]]]:
    """The rule and the text of each example, by kind of change; without what was removed since."""
    ids = {example["id"] for kept in found.examples.values() for example in kept}
    rows = {row.pk: row for row in Message.objects.filter(pk__in=ids) if _stands(row)}
    return {
        change: [
            (example["rule"], training_labels.as_written(rows[example["id"]]))
            for example in kept
            if example["id"] in rows
        ]
        for change, kept in found.examples.items()
    }


def tried_policy(room: Room, moderation: str | None, parts: dict[str, Any] | None) -> Policy:
    """The policy that would be; raises Invalid."""
    merged = {**room.policy_parts, **(parts or {})}
    return room_policies.take_parts(moderation or room.moderation, merged, room.policy_parts)


def _advance(run: DryRun, size: int) -> None:
    found = PolicyDiff.from_json(run.found)
    tried = room_policies.try_parts(run.moderation, run.parts)
    rows = list(_between(run.room, run.position, run.last).order_by("pk")[:size])
    _judge(run.room, tried, rows, found)
    run.found = found.as_json()
    run.looked += len(rows)
    run.position = rows[-1].pk if rows else run.last
    if len(rows) < size:
        run.state = DryRun.State.DONE


def _end(run: DryRun) -> None:
    found = PolicyDiff.from_json(run.found)
    found.forget_rare()
    run.found, run.ended_at = found.as_json(), timezone.now()


def _judge(room: Room, tried: Policy, rows: Sequence[Message], found: PolicyDiff) -> None:
    """Judge messages by both policies, with what their authors had said before them."""
    current = room_policies.of_room(room)
    said: dict[str, deque[tuple[dt.datetime, str]]] = {}
    for row in _before(room, rows):
        if text := training_labels.as_written(row):
            recent = said.setdefault(row.author_key, deque(maxlen=REMEMBERED))
            recent.append((row.created_at, fingerprint(text)))
    authors = users.by_keys({row.author_key for row in rows})
    roles = _roles(room, authors)
    cases: list[tuple[Message, str, Context]] = []
    for row in rows:
        text = training_labels.as_written(row)
        if not text:
            # Removed for good, and nobody is to see it again.
            continue
        recent = said.setdefault(row.author_key, deque(maxlen=REMEMBERED))
        role = roles.get(row.author_key, "guest" if row.author_id is None else "member")
        context = Context(
            recent=tuple(what for _, what in recent),
            ages=tuple(max(0.0, (row.created_at - at).total_seconds()) for at, _ in recent),
            trusted=role in MODERATING,
            role=role,
            account_age=_account_age(row, authors.get(row.author_key)),
        )
        cases.append((row, text, context))
        recent.append((row.created_at, fingerprint(text)))
    before = judge_many([JudgeRequest(text, current, context) for _, text, context in cases])
    after = judge_many([JudgeRequest(text, tried, context) for _, text, context in cases])
    for (row, _, _), was, would_be in zip(cases, before, after, strict=True):
        found.add(row.pk, was, would_be, show=_stands(row))


def _roles(room: Room, authors: Mapping[str, AbstractBaseUser]) -> dict[str, str]:
    """The roles of these authors: as members, and by the project's rules."""
    members = Member.objects.filter(room=room, user__in=[user.pk for user in authors.values()])
    joined = {user_ids.key_of(user): role for user, role in members.values_list("user", "role")}
    given = {
        key: user_adapter.role_of(user, room, joined.get(key)) for key, user in authors.items()
    }
    return {key: role for key, role in given.items() if role is not None}


def _account_age(row: Message, author: AbstractBaseUser | None) -> float | None:
    """How old the author's account was at the time; a guest's is as young as can be."""
    if row.author_key.startswith("g"):
        return 0.0
    made = None if author is None else user_adapter.joined_at(author)
    return None if made is None else (row.created_at - made).total_seconds()


def _stands(row: Message) -> bool:
    """Whether nobody removed its text; what is purged keeps one for moderators alone."""
    return row.removed_at is None and row.body != ""


def _history(room: Room, days: float | None) -> QuerySet[Message]:
    rows = Message.objects.filter(room=room)
    if days is not None:
        if not 0 < days <= 3660:
            raise Invalid("A dry run goes back 10 years at most.", field="days")
        rows = rows.filter(created_at__gte=timezone.now() - dt.timedelta(days=days))
    return rows


def _before(room: Room, rows: Sequence[Message]) -> list[Message]:
    if not rows:
        return []
    earlier = Message.objects.filter(room=room, pk__lt=rows[0].pk)
    return list(earlier.order_by("-pk")[:_BEFORE])[::-1]


def _between(room: Room, after: int, last: int) -> QuerySet[Message]:
    return Message.objects.filter(room=room, pk__gt=after, pk__lte=last)

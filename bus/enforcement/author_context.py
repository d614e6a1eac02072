"""What is known of authors when their messages are judged: role, age, strikes, first message."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from bus.chat import clock, user_adapter, users
from bus.chat.room_rights import MODERATING
from bus.enforcement import room_policies
from bus.enforcement.recent_texts import PreviousTexts
from bus.enforcement.strikes import counts
from bus.models import Member, Message, Room
from bus.models.sql import rights as sql
from bus.moderation import Context
from bus.protocol import user_ids
from bus.protocol.types import RoomAuthor

# Only the first message of somebody that holds an address is judged by being the first.
_MAYBE_LINK = re.compile(r"[./\])]|\bdot\b", re.I).search
# Authors who have written in a room before, per process; forgetting them costs a query.
_REMEMBERED = 50_000
_wrote: set[RoomAuthor] = set()


@dataclass(slots=True)
class AuthorContext:
    """What is known of an author in a room."""

    role: str
    account_age: float | None = None
    first_message: bool = False
    strikes: int = 0

    @property
    def trusted(self) -> bool:
        """Whether the author moderates the room."""
        return self.role in MODERATING

    def context(self, previous: PreviousTexts) -> Context:
        """What their next message is judged with, beside what they said before."""
        return Context(
            recent=previous.recent,
            ages=previous.ages,
            trusted=self.trusted,
            role=self.role,
            account_age=self.account_age,
            first_message=self.first_message,
            strikes=self.strikes,
        )


def of_authors(
    asked: Mapping[Room, Mapping[str, Collection[str]]],
) -> dict[RoomAuthor, AuthorContext]:
    """What is known of authors, who wrote these bodies, by room and author key.

    One query for the roles; others only where a room's policy asks for what they tell.
    """
    found = {
        (room.pk, key): AuthorContext(_role(key))
        for room, authors in asked.items()
        for key in authors
    }
    _add_roles(asked, found)
    _add_ages(asked, found)
    _add_strikes(asked, found)
    _add_first(asked, found)
    return found


def _role(key: str) -> str:
    return {"g": "guest", "s": "service"}.get(key[:1], Member.Role.MEMBER.value)


def _add_roles(rooms: Iterable[Room], found: dict[RoomAuthor, AuthorContext]) -> None:
    """The roles of users: as members, and by the project's rules."""
    keys = {key for _, key in found}
    ids = {key: user for key in keys if (user := user_ids.user_of(key)) is not None}
    if not ids:
        return
    pairs = [(room_id, ids[key]) for room_id, key in found if key in ids]
    for room_id, user, role, _ in sql.memberships(pairs):
        # A database may find other spellings of a key, too: those are somebody else.
        if (author := found.get((room_id, user_ids.key_of(user)))) is not None:
            author.role = role
    if user_adapter.grants_roles():
        by_id = {room.pk: room for room in rooms}
        active = users.active(keys)
        for (room_id, key), author in found.items():
            if key in active:
                given = user_adapter.role_of(active[key], by_id[room_id], author.role)
                author.role = given or author.role


def _add_ages(rooms: Iterable[Room], found: dict[RoomAuthor, AuthorContext]) -> None:
    """How old accounts are, where a policy minds; a guest's is as young as can be."""
    wanted = set()
    for room in rooms:
        policy = room_policies.of_room(room)
        if policy.new_seconds or policy.raid_seconds:
            wanted.add(room.pk)
    room_authors = [room_author for room_author in found if room_author[0] in wanted]
    now = clock.now()
    known = users.by_keys(key for _, key in room_authors)
    made = {key: user_adapter.joined_at(user) for key, user in known.items()}
    for room_author in room_authors:
        key = room_author[1]
        if key.startswith("g"):
            found[room_author].account_age = 0.0
        elif (at := made.get(key)) is not None:
            found[room_author].account_age = (now - at).total_seconds()


def _add_strikes(rooms: Iterable[Room], found: dict[RoomAuthor, AuthorContext]) -> None:
    now = clock.now()
    for room in rooms:
        rules = room_policies.rules_of(room)
        if rules.policy.strikes_to_hold:
            keys = [key for room_id, key in found if room_id == room.pk]
            for room_author, strikes in counts(room, keys, rules.settings, now).items():
                found[room_author].strikes = strikes


def _add_first(
    asked: Mapping[Room, Mapping[str, Collection[str]]], found: dict[RoomAuthor, AuthorContext]
) -> None:
    """Whether authors who may have posted an address have nothing that stands from before."""
    doubtful: set[RoomAuthor] = set()
    for room, authors in asked.items():
        for key, bodies in authors.items():
            if (room.pk, key) not in _wrote and any(map(_MAYBE_LINK, bodies)):
                doubtful.add((room.pk, key))
    if not doubtful:
        return
    rows = Message.objects.filter(
        room__in={room for room, _ in doubtful},
        author_key__in={key for _, key in doubtful},
        status=Message.Status.POSTED,
        removed_at=None,
    )
    wrote = set(rows.values_list("room", "author_key").distinct())
    for room_author in doubtful - wrote:
        found[room_author].first_message = True
    if len(_wrote) > _REMEMBERED:
        _wrote.clear()
    _wrote.update(wrote)

"""What somebody may do in a room, as the database says now: the only way into one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from bus.chat import clock, guest_networks, newcomers, rooms, user_adapter, users
from bus.chat.room_access import NEWCOMER, RoomAccess
from bus.chat.user_adapter import Profile
from bus.chat.visitors import Visitor, networks_of
from bus.conf import conf
from bus.models import Member, Room, Sanction
from bus.models.sql import rights as sql
from bus.protocol import user_ids
from bus.protocol.errors import Banned, BusError, Forbidden, NotFound, SlowMode

# When a mute or a ban ends that has no end: a date, so that clients have only one kind of answer.
FOR_GOOD = dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
_OPEN = Room.Access.OPEN.value
# The roles that moderate a room.
MODERATING = (Member.Role.OWNER, Member.Role.MODERATOR)


def enter(name: str, visitor: Visitor) -> RoomAccess:
    """What a visitor may do in a room that is visited; raises NotFound, Forbidden or Banned."""
    room = rooms.visited(name)
    return rights_of(visitor, room).admit()


@dataclass(slots=True)
class Rights:
    """What one author may do in one room, as the database says now."""

    room: Room
    key: str
    # Of an active user; None for guests and services, and for users who are gone or deactivated.
    profile: Profile | None = None
    role: str | None = None
    banned: Sanction | None = None
    muted: Sanction | None = None
    # When the author joined the room or was first seen there, where newcomers wait.
    arrived: dt.datetime | None = None

    @property
    def guest(self) -> bool:
        """Whether the author is a guest."""
        return self.key.startswith("g")

    @property
    def trusted(self) -> bool:
        """Whether the author moderates the room."""
        return self.role in MODERATING

    @property
    def inactive(self) -> bool:
        """Whether the author is a user who is gone or deactivated."""
        return self.key.startswith("u") and self.profile is None

    @property
    def hidden(self) -> bool:
        """Whether the author is not to know that there is such a room."""
        private = self.room.access == Room.Access.PRIVATE
        return private and self.role is None and not self.service

    def admit(self) -> RoomAccess:
        """The access of who asks to come in; raises NotFound, Forbidden or Banned."""
        if self.hidden:
            raise NotFound(f"There is no room {self.room.name}.")
        return self.access()

    def access(self) -> RoomAccess:
        """The access of who was in the room before; raises Forbidden or Banned."""
        if self.banned is not None:
            # One that others brought upon an address is not stored.
            raise Banned(by_address=not self.banned.pk)
        if self.inactive and user_ids.user_of(self.key) is None:
            raise Forbidden("The primary key of this account is none that Bus can carry.")
        if self.inactive:
            raise Forbidden("This account is not active.")
        if self.guest and (self.room.access != Room.Access.OPEN or not conf.guests):
            raise Forbidden("Sign in to enter this room.")
        if self.hidden:
            raise Forbidden("This room is for its members.")
        muted = self.muted
        return RoomAccess(
            self.room,
            "guest" if self.guest else self.role or Member.Role.MEMBER,
            muted_until=(muted.until or FOR_GOOD) if muted else None,
            writes_from=self.writes_from,
        )

    @property
    def writes_from(self) -> dt.datetime | None:
        """When the author may first write here, where newcomers wait."""
        if self.arrived is None or not self.room.newcomer_wait or self.trusted:
            return None
        return self.arrived + dt.timedelta(seconds=self.room.newcomer_wait)

    def refusal(self) -> str:
        """Why the author may not write here now, as a reason's code; "" if they may."""
        if self._plainly_writes:
            return ""
        try:
            self.access().check_write()
        except SlowMode:
            return NEWCOMER
        except BusError as error:
            return error.code
        return ""

    @property
    def _plainly_writes(self) -> bool:
        """Whether nothing could refuse, as is mostly so: seen without the objects that say why."""
        return (
            self.banned is None
            and self.muted is None
            and self.arrived is None
            and self.room.access == _OPEN
            and self.room.archived_at is None
            and (self.profile is not None or (self.guest and conf.guests))
        )

    def inherit(self, sanction: Sanction) -> None:
        """Have a sanction hold that others brought upon where a guest comes from."""
        if sanction.kind == Sanction.Kind.BAN:
            self.banned = _longer(self.banned, sanction)
        else:
            self.muted = _longer(self.muted, sanction)

    def visits(self) -> bool:
        """Whether newcomers wait here, and the author is let in and may be one."""
        since = self.writes_from
        joined_before = since is not None and since <= clock.now()
        if self.service or self.trusted or not self.room.newcomer_wait or joined_before:
            return False
        try:
            self.access()
        except BusError:
            return False
        return True

    @property
    def service(self) -> bool:
        """Whether a backend service writes in a name of its own."""
        return self.key.startswith("s")


def rights_of(visitor: Visitor, room: Room) -> Rights:
    """What a visitor may do in a room now."""
    return rights({room: [visitor.key]}, networks=networks_of([visitor]))[room.pk, visitor.key]


def rights(
    asked: Mapping[Room, Iterable[str]],
    *,
    networks: Mapping[str, Collection[str]] | None = None,
    here: bool = False,
) -> dict[tuple[int, str], Rights]:
    """What authors may do in rooms now, by room id and author key, in three queries.

    One more for guests of whom `networks` says where they come from. A few more where newcomers
    wait; `here` says that the authors are in the rooms, or write there, and so are first seen now
    at the latest.
    """
    found = {(room.pk, key): Rights(room, key) for room, keys in asked.items() for key in keys}
    _add_users(found)
    _add_sanctions(found)
    _add_inherited(asked, found, networks or {})
    _add_arrivals(asked, found, here=here)
    return found


def _add_users(found: dict[tuple[int, str], Rights]) -> None:
    """Who of the authors are active users, what they are called, and which roles they have."""
    active = users.active({key for _, key in found})
    if not active:
        return
    profiles = {key: user_adapter.profile_of(user) for key, user in active.items()}
    pairs = [(room_id, active[key].pk) for room_id, key in found if key in active]
    for room_id, user, role, joined in sql.memberships(pairs):
        # A database may find other spellings of a key, too: those are somebody else.
        if (right := found.get((room_id, user_ids.key_of(user)))) is not None:
            right.role, right.arrived = role, joined
    given = user_adapter.grants_roles()
    for (_, key), right in found.items():
        if key in active:
            right.profile = profiles[key]
            if given:
                right.role = user_adapter.role_of(active[key], right.room, right.role)


def _add_sanctions(found: Mapping[tuple[int, str], Rights]) -> None:
    """What holds against the authors themselves."""
    # The longest comes last, and is the one that counts.
    for sanction in sql.sanctions_in_force(found, clock.now()):
        right = found[sanction.room_id, sanction.author_key]
        if sanction.kind == Sanction.Kind.BAN:
            right.banned = sanction
        else:
            right.muted = sanction


def _add_inherited(
    rooms: Iterable[Room],
    found: Mapping[tuple[int, str], Rights],
    networks: Mapping[str, Collection[str]],
) -> None:
    """What holds for guests since others from where they come are muted or banned."""
    digests = {digest for key in networks for digest in networks[key]}
    held: dict[tuple[int, str], list[Sanction]] = {}
    for digest, sanction in guest_networks.in_force(rooms, digests):
        held.setdefault((sanction.room_id, digest), []).append(sanction)
    for (room_id, key), right in found.items() if held else ():
        for digest in networks.get(key, ()) if right.guest else ():
            for sanction in held.get((room_id, digest), ()):
                right.inherit(sanction)


def _longer(one: Sanction | None, other: Sanction) -> Sanction:
    if one is None or (one.until is not None and (other.until or FOR_GOOD) > one.until):
        return other
    return one


def _add_arrivals(
    rooms: Iterable[Room], found: dict[tuple[int, str], Rights], *, here: bool
) -> None:
    """When those were first seen, in rooms where newcomers wait, who did not join long ago."""
    if not any(room.newcomer_wait for room in rooms):
        return
    visiting = {room_author for room_author, right in found.items() if right.visits()}
    for room_author, at in newcomers.arrivals(rooms, visiting, note=here).items():
        found[room_author].arrived = min(at, found[room_author].arrived or at)


def moderators(asked: Iterable[Room]) -> set[tuple[int, str]]:
    """Who moderates these rooms, as (room id, author key)."""
    rooms = list(asked)
    rows = Member.objects.filter(room__in=rooms, role__in=MODERATING).values_list("room", "user")
    found = {(room, user_ids.key_of(user)) for room, user in rows}
    return found | {(room.pk, key) for room in rooms for key in user_adapter.moderators_of(room)}

"""Who somebody is, and what they may do: the only way into a room."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core import signing
from django.db.models import F, Q
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from bus.chat import clock, guest_networks, name_policy, newcomers, taken_names
from bus.conf import conf
from bus.models import Member, Room, Sanction
from bus.protocol import reasons
from bus.protocol.errors import (
    Banned,
    BusError,
    Conflict,
    Forbidden,
    Invalid,
    Muted,
    NotFound,
    RoomArchived,
    SlowMode,
    Unauthenticated,
)
from bus.protocol.objects import Author, RoomInfo, You
from bus.protocol.types import canonical_name, timestamp

GUEST_COOKIE = "bus_guest"
# How long a guest stays the same guest, in seconds.
GUEST_AGE = 365 * 24 * 3600
_SALT = "bus.guest"
# When a mute or a ban ends that has no end: a date, so that clients have only one kind of answer.
FOR_GOOD = dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
# Why somebody may not write yet.
NEWCOMER = "newcomer"
# The roles that moderate a room.
MODERATING = (Member.Role.OWNER, Member.Role.MODERATOR)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks: a user, or a guest who has a key and a name of our making."""

    key: str
    id: int | str
    name: str
    user_id: int | None = None
    # A guest who was made up a moment ago, and so never did anything before.
    new: bool = False
    # Of a guest: what stands for where they come from (chat.guest_networks); "" where nobody knows.
    network: str = ""

    @property
    def guest(self) -> bool:
        """Whether it is not a signed-in user."""
        return self.user_id is None

    @property
    def author(self) -> Author:
        """As the author of messages."""
        return _author(self.id, self.name)


@lru_cache(10_000)
def _author(id: int | str, name: str) -> Author:
    # Asked for with every message, and checked letter by letter; a guest's name is our own.
    if isinstance(id, str):
        return Author.model_construct(id=id, name=name)
    return Author.of_stored(id, name)


@dataclass(frozen=True, slots=True)
class Login:
    """The HTTP session that a socket was opened with, by a user."""

    key: str
    # hash() of the password's hash: a change of the password ends the session.
    password: int

    @property
    def digest(self) -> str:
        """What the session is called where its key, which is a secret, does not belong."""
        return login_digest(self.key)


def login_digest(key: str) -> str:
    """See Login.digest."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def login_of_scope(scope: Mapping[str, Any]) -> Login | None:
    """The HTTP session behind a WebSocket; None for guests, and without sessions."""
    user = scope.get("user")
    key = getattr(scope.get("session"), "session_key", None)
    if not key or user is None or not (user.is_authenticated and user.is_active):
        return None
    return Login(key, hash(user.password))


def author_key(author: Author) -> str:
    """What tells one author from all others: of a user, a guest, or a service's name."""
    if isinstance(author.id, int):
        return f"u{author.id}"
    return author.id if author.id else service_key(author.name)


def service_key(name: str) -> str:
    """The author key of a backend service, which has a name alone."""
    return f"s{name}"[:64]


def visitor_of(request: HttpRequest) -> Visitor:
    """Who made an HTTP request; somebody without a cookie is a new guest."""
    return _visitor(getattr(request, "user", None), request.COOKIES)


def visitor_of_scope(scope: Mapping[str, Any]) -> Visitor:
    """Who opened a WebSocket, behind the Identity middleware."""
    return _visitor(scope.get("user"), scope.get("cookies", {}))


def visitor_of_token(token: str) -> Visitor:
    """Who shows a token; raises Unauthenticated."""
    try:
        told = signing.loads(token, salt=_SALT, max_age=GUEST_AGE)
        return Visitor(key=told["k"], id=told["k"], name=told["n"])
    except (signing.BadSignature, KeyError, TypeError) as error:
        raise Unauthenticated("This token is not valid, or no longer.") from error


# A session needs it twice: for the cookie, and for who has no cookies.
@lru_cache(256)
def guest_token(visitor: Visitor) -> str:
    """What a guest shows to be the same guest again."""
    # As signing.dumps, without a new signer for each.
    return _signer(settings.SECRET_KEY).sign_object({"k": visitor.key, "n": visitor.name})


@lru_cache(1)
def _signer(secret: str) -> signing.TimestampSigner:
    return signing.TimestampSigner(key=secret, salt=_SALT)


def guest_cookie(visitor: Visitor) -> str:
    """The `Set-Cookie` header by which a guest stays the same guest."""
    # As remember_guest makes it, without the detour of a response: a storm of guests may come.
    token = guest_token(visitor)
    secure = "; Secure" if settings.SESSION_COOKIE_SECURE else ""
    return f"{GUEST_COOKIE}={token}; HttpOnly; Max-Age={GUEST_AGE}; Path=/; SameSite=Lax{secure}"


def remember_guest(response: HttpResponseBase, visitor: Visitor) -> None:
    """Set the cookie by which a guest stays the same guest."""
    if visitor.guest:
        response.set_cookie(
            GUEST_COOKIE,
            guest_token(visitor),
            max_age=GUEST_AGE,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )


def placed(visitor: Visitor, network: str) -> Visitor:
    """The visitor, of a guest with what stands for the network (addresses.network_of)."""
    return replace(visitor, network=guest_networks.digest(network)) if visitor.guest else visitor


def _visitor(user: Any, cookies: Mapping[str, str]) -> Visitor:
    if user is not None and user.is_authenticated and user.is_active:
        return Visitor(key=f"u{user.pk}", id=user.pk, name=user.get_username(), user_id=user.pk)
    cookie = cookies.get(GUEST_COOKIE)
    if cookie:
        try:
            return visitor_of_token(cookie)
        except Unauthenticated:
            pass
    key = f"g{secrets.token_hex(8)}"
    return Visitor(key=key, id=key, name=f"guest-{key[1:5]}", new=True)


@dataclass(frozen=True, slots=True)
class Entry:
    """A visitor in a room: what a session keeps of their rights."""

    room: Room
    role: str
    # FOR_GOOD where the mute has no end.
    muted_until: dt.datetime | None = None
    # Of somebody who was first seen here not long ago, where newcomers wait.
    writes_from: dt.datetime | None = None

    @property
    def info(self) -> RoomInfo:
        """The room as those in it see it."""
        room = self.room
        return RoomInfo(
            name=room.name,
            title=room.title,
            topic=room.topic,
            access=room.access,
            moderation=room.moderation,
            slow_mode=room.slow_mode,
            archived=room.archived_at is not None,
            newcomer_wait=room.newcomer_wait,
        )

    @property
    def you(self) -> You:
        """What the visitor is in the room."""
        until, since = self.muted_until, self.writes_from
        return You(
            role=self.role,
            muted_until=timestamp(until) if until else None,
            writes_from=timestamp(since) if since and since > clock.now() else None,
        )

    def differs(self, other: Entry) -> bool:
        """Whether the visitor would notice."""
        return self.info != other.info or self.you != other.you

    def check_write(self) -> None:
        """Raise RoomArchived, Muted, or SlowMode for a newcomer, who may not write."""
        if self.room.archived_at is not None:
            raise RoomArchived
        if self.muted_until is None and self.writes_from is None:
            return
        now = clock.now()
        if self.muted_until is not None and self.muted_until > now:
            raise Muted
        if self.writes_from is not None and self.writes_from > now:
            left = (self.writes_from - now).total_seconds()
            raise SlowMode(reasons.text(NEWCOMER), retry_after=left)


def enter(name: str, visitor: Visitor) -> Entry:
    """What a visitor may do in a room that is visited; raises NotFound, Forbidden or Banned."""
    room = visited(name)
    return rights_of(visitor, room).admit()


def visited(name: str) -> Room:
    """The room of this name, however it is spelled, or one that stands in and is not stored.

    That one has no number. Under BUS_OPEN_ROOMS it is what the first join would make, if the name
    may stand. Else it is a private room that nobody is a member of, so that whoever asks for a room
    that they may not know of is told the same, and as late, as where there is none. Raises Conflict
    for a name that looks like that of another room.
    """
    canonical = canonical_name(name)
    room = _called(name, canonical)
    # Looked at for both, as it takes its time.
    unseen = room is None or room.access == Room.Access.PRIVATE
    may_be_made = unseen and conf.open_rooms and canonical is not None and _may_stand(canonical)
    if room is not None:
        return room
    name = canonical or name
    if may_be_made and (alike := taken_names.room_like(name)) is not None:
        if alike.access != Room.Access.PRIVATE:
            raise Conflict("This name looks like that of another room.", field="room")
        may_be_made = False
    return Room(pk=0, name=name, access="open" if may_be_made else "private")


def _called(name: str, canonical: str | None) -> Room | None:
    """The room that is spelled so, as some old ones are alone; else the one of this name."""
    found = {room.name: room for room in Room.objects.filter(name__in={name, canonical or name})}
    return found.get(name) or found.get(canonical or name)


@lru_cache(10_000)
def _may_stand(name: str) -> bool:
    try:
        name_policy.check(name)
    except Invalid:
        return False
    return True


@dataclass(slots=True)
class Rights:
    """What one author may do in one room, as the database says now."""

    room: Room
    key: str
    # Of an active user; None for guests and services, and for users who are gone or deactivated.
    name: str | None = None
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
    def hidden(self) -> bool:
        """Whether the author is not to know that there is such a room."""
        private = self.room.access == Room.Access.PRIVATE
        return private and self.role is None and not self.service

    def admit(self) -> Entry:
        """The entry of who asks to come in; raises NotFound, Forbidden or Banned."""
        if self.hidden:
            raise NotFound(f"There is no room {self.room.name}.")
        return self.entry()

    def entry(self) -> Entry:
        """The entry of who was in the room before; raises Forbidden or Banned."""
        if self.banned is not None:
            # One that others brought upon an address is not stored.
            raise Banned(by_address=not self.banned.pk)
        if self.key.startswith("u") and self.name is None:
            raise Forbidden("This account is not active.")
        if self.guest and (self.room.access != Room.Access.OPEN or not conf.guests):
            raise Forbidden("Sign in to enter this room.")
        if self.hidden:
            raise Forbidden("This room is for its members.")
        muted = self.muted
        return Entry(
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
        try:
            self.entry().check_write()
        except SlowMode:
            return NEWCOMER
        except BusError as error:
            return error.code
        return ""

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
            self.entry()
        except BusError:
            return False
        return True

    @property
    def service(self) -> bool:
        """Whether a backend service writes in a name of its own."""
        return self.key.startswith("s")


def rights_of(visitor: Visitor, room: Room) -> Rights:
    """What a visitor may do in a room now."""
    return rights({room: [visitor.key]}, sources=sources([visitor]))[room.pk, visitor.key]


def sources(visitors: Iterable[Visitor]) -> dict[str, set[str]]:
    """What stands for where guests come from, by author key."""
    found: dict[str, set[str]] = {}
    for visitor in visitors:
        if visitor.network:
            found.setdefault(visitor.key, set()).add(visitor.network)
    return found


def rights(
    asked: Mapping[Room, Iterable[str]],
    *,
    sources: Mapping[str, Collection[str]] | None = None,
    here: bool = False,
) -> dict[tuple[int, str], Rights]:
    """What authors may do in rooms now, by room id and author key, in three queries.

    One more for guests of whom `sources` says where they come from. A few more where newcomers
    wait; `here` says that the authors are in the rooms, or write there, and so are first seen now
    at the latest.
    """
    found = {(room.pk, key): Rights(room, key) for room, keys in asked.items() for key in keys}
    users = {int(key[1:]) for _, key in found if key.startswith("u")}
    if users:
        active = dict(
            User.objects.filter(pk__in=users, is_active=True).values_list("pk", "username")
        )
        for right in found.values():
            if right.key.startswith("u"):
                right.name = active.get(int(right.key[1:]))
        members = Member.objects.filter(room__in=asked, user__in=active)
        for room_id, user_id, role, joined in members.values_list(
            "room", "user", "role", "joined_at"
        ):
            place = room_id, f"u{user_id}"
            if place in found:
                found[place].role, found[place].arrived = role, joined
    now = Q(until__isnull=True) | Q(until__gt=clock.now())
    keys = {key for _, key in found}
    in_force = Sanction.objects.filter(
        now, room__in=asked, author_key__in=keys, lifted_at__isnull=True
    )
    # The longest last, which is the one that counts.
    for sanction in in_force.order_by(F("until").asc(nulls_last=True), "pk"):
        place = (sanction.room_id, sanction.author_key)
        if place not in found:
            continue
        if sanction.kind == Sanction.Kind.BAN:
            found[place].banned = sanction
        else:
            found[place].muted = sanction
    _add_inherited(asked, found, sources or {})
    _add_arrivals(asked, found, here=here)
    return found


def _add_inherited(
    rooms: Iterable[Room],
    found: Mapping[tuple[int, str], Rights],
    sources: Mapping[str, Collection[str]],
) -> None:
    """What holds for guests since others from where they come are muted or banned."""
    digests = {digest for key in sources for digest in sources[key]}
    held: dict[tuple[int, str], list[Sanction]] = {}
    for digest, sanction in guest_networks.in_force(rooms, digests):
        held.setdefault((sanction.room_id, digest), []).append(sanction)
    for (room_id, key), right in found.items() if held else ():
        for digest in sources.get(key, ()) if right.guest else ():
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
    visiting = {place for place, right in found.items() if right.visits()}
    for place, at in newcomers.arrivals(rooms, visiting, note=here).items():
        found[place].arrived = min(at, found[place].arrived or at)


def moderators(asked: Iterable[Room]) -> set[tuple[int, str]]:
    """Who moderates these rooms, as (room id, author key)."""
    rows = Member.objects.filter(room__in=asked, role__in=MODERATING).values_list("room", "user")
    return {(room, f"u{user}") for room, user in rows}

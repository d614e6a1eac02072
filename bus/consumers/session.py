"""The session protocol, `/ws/`: typed commands in, replies and events out."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from bus.chat.guest_tokens import guest_token
from bus.chat.room_access import RoomAccess
from bus.chat.room_rights import Rights
from bus.chat.tokens import Grant
from bus.chat.visitors import Visitor
from bus.conf import conf
from bus.consumers import admission
from bus.consumers.access_watcher import guard
from bus.consumers.commands import METHODS
from bus.consumers.commands.types import Data, Methods
from bus.consumers.guest_sightings import sightings
from bus.consumers.message_sender import MessageSender
from bus.consumers.read_marks import read_marks
from bus.consumers.socket import Closed, Socket, is_too_large
from bus.posting import events
from bus.protocol.commands import (
    Command,
    RoomJoin,
    RoomLeave,
    SessionAuthenticate,
    SessionPing,
    parse_command,
)
from bus.protocol.errors import (
    CLOSE_BAD_FRAME,
    CLOSE_TOO_MANY,
    CLOSE_UNAUTHENTICATED,
    BusError,
    Forbidden,
    Internal,
    Invalid,
    NotMember,
    Unauthenticated,
    Unavailable,
)
from bus.protocol.events import RoomChanged, SessionClosing, SessionStarted, UserChanged
from bus.protocol.frames import PROTOCOL, parse_frame, ref_of
from bus.protocol.objects import Joined, Limits, SessionUser
from bus.protocol.replies import reply_error, reply_ok
from bus.protocol.types import canonical_name, timestamp
from bus.realtime.hub import hub
from bus.realtime.room_filter import RoomFilter
from bus.realtime.room_subscription import Listener, RoomSubscription

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Place:
    """A room that the session has joined."""

    entry: RoomAccess
    seat: RoomSubscription


class Session(Socket):
    """One session: its rooms, and a method for each command."""

    joined_frames = True

    def __init__(self) -> None:
        super().__init__()
        self.places: dict[str, Place] = {}
        # Why it is in a room no more; as many as it may join.
        self._lost: dict[str, BusError] = {}
        # What its token says, if it came with one.
        self.grant: Grant | None = None
        # What hears of what concerns the visitor alone, in rooms that the token is for.
        self._ear: Listener | None = None
        self._expiry: asyncio.TimerHandle | None = None
        # How many it has been given.
        self.commands = 0
        # What follows a reply at once: the release of events held back during a join.
        self._after_reply: Callable[[], None] | None = None

    # ── The connection ───────────────────────────────────────────────────────────────────────────

    def subprotocol(self) -> str | None:
        """`bus.v1` where it is offered."""
        offered = self.scope.get("subprotocols", [])
        return PROTOCOL if PROTOCOL in offered else None

    async def begin(self) -> None:
        """Say who is who, and listen to what concerns the visitor alone."""
        if self.scope.get("subprotocols") and self.subprotocol() is None:
            # It speaks something else; a client that names nothing is taken at its word.
            raise Closed(CLOSE_BAD_FRAME)
        self.sender = MessageSender(self.visitor, self.send_rate(), self.place_from)
        self.outbox.reply(self._started().frame())
        try:
            await self.listen()
        except Unavailable:
            # Joining and writing try again, and say so.
            logger.debug("The session of %s hears nothing yet.", self.visitor.key)

    async def take(self, text: str | None) -> None:
        """Do the commands of one frame in order."""
        if text is None or is_too_large(text):
            raise Closed(CLOSE_BAD_FRAME)
        try:
            items = parse_frame(text)
        except Invalid as error:
            raise Closed(CLOSE_BAD_FRAME) from error
        self.check_pace(max(1, len(items)))
        for item in items:
            await self._obey(item)
            await self.outbox.until_replies_fit()

    def clean_up(self) -> None:
        """Leave every room, and the author's own group."""
        for name in list(self.places):
            self._leave(name)
        self._ignore()
        if self._expiry is not None:
            self._expiry.cancel()

    # ── Rights ───────────────────────────────────────────────────────────────────────────────────

    def entries(self) -> dict[int, RoomAccess]:
        """What it keeps of the visitor's rights, by room id."""
        return {place.entry.room.pk: place.entry for place in self.places.values()}

    def refresh(self, entry: RoomAccess, right: Rights) -> None:
        """Keep other rights, and say what has changed."""
        for name, place in self.places.items():
            if place.entry.room.pk == entry.room.pk:
                before, place.entry = place.entry, entry
                if before.info != entry.info:
                    self.outbox.reply(RoomChanged.encode(entry.info, name))
                if before.you != entry.you:
                    self.outbox.reply(events.member_changed(right).frame(name))

    def lose(
        self, room_id: int, error: BusError, right: Rights | None, *, reason: str = "not_found"
    ) -> None:
        """Leave a room, and say why; the session goes on in its others."""
        for name, place in list(self.places.items()):
            if place.entry.room.pk == room_id:
                self._leave(name)
                if len(self._lost) >= conf.join_limit:
                    self._lost.clear()
                self._lost[name] = error
                self.outbox.reply(events.member_changed(right, reason).frame(name))

    def tell(self, right: Rights) -> None:
        """Say what the visitor is in a room that the session is not in, but might be."""
        if self.is_granted(right.room.name):
            self.outbox.reply(events.member_changed(right).frame(right.room.name))

    def rename(self, name: str) -> None:
        """The visitor is called so from now on, and the client is told."""
        super().rename(name)
        self.sender.visitor = self.visitor
        self.outbox.reply(UserChanged.encode(self.visitor.author))

    # ── Commands ─────────────────────────────────────────────────────────────────────────────────

    def announce_end(self, reconnect_in: float) -> None:
        """`session.closing`: come back after a while."""
        closing = SessionClosing(reconnect_in=reconnect_in, reason="restart")
        self.outbox.reply(closing.frame())

    async def _obey(self, item: dict[str, Any]) -> None:
        """Do one command, and give exactly one reply to one that has a `ref`."""
        ref = ref_of(item)
        refusal: BusError | None = None
        data: Data = {}
        try:
            data = await self._do(parse_command(item))
        except BusError as error:
            refusal = error
        except Closed:
            raise
        except Exception:
            logger.exception("A command of %s failed.", self.visitor.key)
            refusal = Internal()
        if refusal is not None:
            if item.get("ref") is not None:
                self.outbox.reply(reply_error(ref, refusal))
        elif ref is not None:
            self.outbox.reply(reply_ok(ref, data))
        after, self._after_reply = self._after_reply, None
        if after is not None:
            after()

    async def _do(self, command: Command) -> Data:
        self.commands += 1
        if self.visitor.guest and not conf.guests and type(command) not in _FOR_ANYONE:
            raise Unauthenticated
        if self.turned_down is not None and type(command) not in _FOR_ANYONE:
            # It hears why, and comes back later.
            self.end(CLOSE_TOO_MANY)
            raise self.turned_down
        return await _METHODS[type(command)](self, command)

    async def join(self, command: RoomJoin) -> Data:
        """`room.join`: hold events back, read history, reply, let newer events through."""
        self.count("joins")
        known = self._named(command.room) in self.places
        if not known and len(self.places) >= conf.join_limit:
            raise Forbidden(f"A session may be in {conf.join_limit} rooms; leave one first.")
        await self.listen()
        entry = await self._enter(command.room)
        name = entry.room.name
        place = self.places.get(name)
        if place is not None and place.entry.room.pk != entry.room.pk:
            # Another room of that name stands where this one was.
            self._leave(name)
            place = None
        if place is None:
            place = Place(entry, await hub().join_room(entry.room.pk, self.outbox))
            try:
                return await self._arrive(place, command)
            except BaseException:
                hub().leave_room(place.seat)
                raise
        place.entry = entry
        place.seat.hold()
        try:
            joined = await self._read_up(place, command)
            if self.places.get(name) is not place:
                # Lost meanwhile.
                self.place(name)
            return joined
        except BaseException:
            # It stays where it was before.
            place.seat.release()
            raise

    async def leave(self, command: RoomLeave) -> Data:
        """`room.leave`: hear no more of it; once more does no harm."""
        name = self._named(command.room)
        self._lost.pop(name, None)
        if name in self.places:
            self._leave(name)
        return {}

    # ── Rooms ────────────────────────────────────────────────────────────────────────────────────

    async def _enter(self, room: str) -> RoomAccess:
        """The visitor's rights now; without them, the session is in the room no more."""
        canonical = canonical_name(room) or room
        # Which of the two it is, only the database knows.
        if not (self.is_granted(room) or self.is_granted(canonical)):
            raise Forbidden("Your token is not for this room.")
        try:
            entry = await admission.enter(room, self.visitor, self.address)
        except Unavailable:
            raise
        except BusError:
            if (name := self._named(room)) in self.places:
                self._leave(name)
            raise
        if not self.is_granted(entry.room.name):
            raise Forbidden("Your token is not for this room.")
        sightings().note(self.visitor)
        return entry

    async def _arrive(self, place: Place, command: RoomJoin) -> bytes:
        joined = await self._read_up(place, command)
        self.places[place.entry.room.name] = place
        self._lost.pop(place.entry.room.name, None)
        guard().entered(self, place.entry.room.pk)
        return joined

    async def _read_up(self, place: Place, command: RoomJoin) -> bytes:
        """The reply to a join; the events held back follow it."""
        room, entry = place.entry.room, place.entry
        read: dict[str, int | None] = {}
        if self.visitor.user_id is not None:
            state = await read_marks().state(room.pk, self.visitor.user_id)
            read = {"read": state.read, "unread": state.unread}
        presence, key = hub().presence, self.visitor.key
        here = room.name in self.places
        if here:
            present = await presence.look(room.pk)
        else:
            present = await presence.enter(room.pk, room.name, key, self.visitor.author)
        try:
            # Last: what is removed while something is awaited after this would come out again.
            found = await hub().recover(place.seat, command.since, command.limit, room.head)
        except BaseException:
            if not here:
                presence.leave(room.pk, key)
            raise
        self._after_reply = lambda: place.seat.release(found.head)
        return Joined(
            room=entry.info,
            you=entry.you,
            seq=found.head,
            recovered=found.recovered,
            messages=[],
            presence=present,
            **read,
        ).encode(found.messages)

    def place(self, room: str) -> Place:
        """Where the session is in a room; raises NotMember, or why it is there no more."""
        place = self.places.get(room) or self.places.get(self._named(room))
        if place is None:
            raise self._lost.get(self._named(room)) or NotMember()
        return place

    def _named(self, room: str) -> str:
        """What a room is called that the session is, or was, in; however it is spelled."""
        if room in self.places or room in self._lost:
            return room
        return canonical_name(room) or room

    def _leave(self, room: str) -> None:
        place = self.places.pop(room)
        guard().left(self, place.entry.room.pk)
        hub().leave_room(place.seat)
        hub().typing.stop(place.entry.room.pk, room, self.visitor.key)
        hub().presence.leave(place.entry.room.pk, self.visitor.key)

    # ── The visitor ──────────────────────────────────────────────────────────────────────────────

    async def listen(self) -> None:
        """Listen to what concerns the visitor alone; once is enough. Raises Unavailable."""
        if self._ear is None:
            rooms = None if self.grant is None else self.grant.rooms
            ear = self.outbox if rooms is None else RoomFilter(self.outbox, rooms)
            await hub().join_author(self.visitor.key, ear)
            self._ear = ear

    async def identify(self, visitor: Visitor, grant: Grant | None = None) -> None:
        """Be whom a token says; with a grant, until it ends and in its rooms alone."""
        self._ignore()
        self.become(visitor, None if grant is None else grant.password)
        self.grant = grant
        self.sender = MessageSender(self.visitor, self.send_rate(), self.place_from)
        if grant is not None:
            left = max(0.0, grant.expires_at - time.time())
            loop = asyncio.get_running_loop()
            self._expiry = loop.call_later(left, self.end, CLOSE_UNAUTHENTICATED)
        await self.listen()

    def is_granted(self, room: str) -> bool:
        """Whether its token, if it came with one, is for this room."""
        return self.grant is None or self.grant.rooms is None or room in self.grant.rooms

    def _ignore(self) -> None:
        if self._ear is not None:
            hub().leave_author(self.visitor.key, self._ear)
            self._ear = None

    def user(self) -> SessionUser:
        """Who the session is, as its client is told."""
        visitor = self.visitor
        return SessionUser(id=visitor.id, name=visitor.name, guest=visitor.guest)

    def _started(self) -> SessionStarted:
        return SessionStarted(
            session=secrets.token_hex(16),
            server_time=_now(),
            user=self.user(),
            heartbeat=conf.heartbeat,
            limits=Limits(body=conf.body_limit, frame=conf.frame_limit),
            token=self._token(),
        )

    def _token(self) -> str | None:
        """By which a guest stays the same guest."""
        known = self.visitor.guest and self.turned_down is None
        return guest_token(self.visitor) if known else None


def _now() -> str:
    return timestamp(timezone.now())


# The method of each command; nothing that a client writes names a method.
_METHODS: Methods = {
    RoomJoin: Session.join,
    RoomLeave: Session.leave,
    **METHODS,
}
# What somebody may do who is not let in as a guest.
_FOR_ANYONE = (SessionAuthenticate, SessionPing)

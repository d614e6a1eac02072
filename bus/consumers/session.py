"""The session protocol, `/ws/`: typed commands in, replies and events out."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from pydantic import BaseModel

from bus import protocol
from bus.conf import conf
from bus.consumers import database
from bus.consumers.pen import Pen
from bus.consumers.socket import Closed, Socket, is_too_large
from bus.errors import (
    CLOSE_BAD_FRAME,
    BusError,
    Forbidden,
    Internal,
    Invalid,
    NotMember,
    Unauthenticated,
    Unavailable,
)
from bus.protocol import Command
from bus.realtime.hub import hub
from bus.realtime.topic import Seat
from bus.services import access, history
from bus.services.access import Entry

logger = logging.getLogger(__name__)

Data = dict[str, Any] | BaseModel


@dataclass(slots=True)
class Place:
    """A room that the session has joined."""

    entry: Entry
    seat: Seat


class Session(Socket):
    """One session: its rooms, and a method for each command."""

    joined_frames = True

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}
        self._listening = False
        self._commands = 0
        # What follows a reply at once: the release of events held back during a join.
        self._after_reply: Callable[[], None] | None = None

    # ── The connection ───────────────────────────────────────────────────────────────────────────

    def subprotocol(self) -> str | None:
        """`bus.v1` where it is offered."""
        offered = self.scope.get("subprotocols", [])
        return protocol.PROTOCOL if protocol.PROTOCOL in offered else None

    async def begin(self) -> None:
        """Say who is who, and listen to what concerns the visitor alone."""
        if self.scope.get("subprotocols") and self.subprotocol() is None:
            # It speaks something else; a client that names nothing is taken at its word.
            raise Closed(CLOSE_BAD_FRAME)
        self._pen = Pen(self.visitor, self.send_rate())
        self.outbox.reply(self._started().frame())
        try:
            await self._listen()
        except Unavailable:
            # Joining and writing try again, and say so.
            logger.debug("The session of %s hears nothing yet.", self.visitor.key)

    async def take(self, text: str | None) -> None:
        """Do the commands of one frame in order."""
        if text is None or is_too_large(text):
            raise Closed(CLOSE_BAD_FRAME)
        try:
            items = protocol.parse_frame(text)
        except Invalid as error:
            raise Closed(CLOSE_BAD_FRAME) from error
        self.check_pace(max(1, len(items)))
        for item in items:
            await self._obey(item)
            await self.outbox.relieved()

    def clean_up(self) -> None:
        """Leave every room, and the author's own group."""
        for name in list(self._places):
            self._leave(name)
        self._ignore()

    async def _obey(self, item: dict[str, Any]) -> None:
        """Do one command, and give exactly one reply to one that has a `ref`."""
        ref = protocol.ref_of(item)
        refusal: BusError | None = None
        data: Data = {}
        try:
            data = await self._do(protocol.parse_command(item))
        except BusError as error:
            refusal = error
        except Exception:
            logger.exception("A command of %s failed.", self.visitor.key)
            refusal = Internal()
        if refusal is not None:
            if item.get("ref") is not None:
                self.outbox.reply(protocol.reply_error(ref, refusal))
        elif ref is not None:
            self.outbox.reply(protocol.reply_ok(ref, data))
        after, self._after_reply = self._after_reply, None
        if after is not None:
            after()

    async def _do(self, command: Command) -> Data:
        self._commands += 1
        if self.visitor.guest and not conf.guests and type(command) not in _FOR_ANYONE:
            raise Unauthenticated
        return await _METHODS[type(command)](self, command)

    # ── Commands ─────────────────────────────────────────────────────────────────────────────────

    async def authenticate(self, command: protocol.SessionAuthenticate) -> Data:
        """`session.authenticate`: become who the token says."""
        if self._commands > 1:
            raise Invalid("session.authenticate is the first command of a session.", field="type")
        visitor = access.visitor_of_token(command.token)
        self._ignore()
        self.visitor = visitor
        self._pen = Pen(visitor, self.send_rate())
        await self._listen()
        return {"user": self._user()}

    async def ping(self, command: protocol.SessionPing) -> Data:
        """`session.ping`: a sign of life."""
        return {"server_time": _now()}

    async def join(self, command: protocol.RoomJoin) -> Data:
        """`room.join`: hold events back, read history, reply, let newer events through."""
        place = self._places.get(command.room)
        if place is None and len(self._places) >= conf.join_limit:
            raise Forbidden(f"A session may be in {conf.join_limit} rooms; leave one first.")
        await self._listen()
        entry = await self._enter(command.room)
        if place is not None and place.entry.room.pk != entry.room.pk:
            # Another room of that name stands where this one was.
            self._leave(command.room)
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
            return await self._read_up(place, command)
        except BaseException:
            # It stays where it was before.
            place.seat.release()
            raise

    async def leave(self, command: protocol.RoomLeave) -> Data:
        """`room.leave`: hear no more of it; once more does no harm."""
        if command.room in self._places:
            self._leave(command.room)
        return {}

    async def send_message(self, command: protocol.MessageSend) -> Data:
        """`message.send`: put it on its way, or tell what became of it before."""
        entry = self._place(command.room).entry
        outcome = await self._pen.repeated(entry, command.client_id)
        if outcome is not None:
            return outcome
        await self._listen()
        await self._pen.write(entry, command.body, command.client_id, command.reply_to)
        return {"status": "accepted"}

    async def list_history(self, command: protocol.HistoryList) -> Data:
        """`history.list`: a page of a room's messages."""
        room = self._place(command.room).entry.room
        messages, more = await database.run(
            history.page, room, command.before, command.after, command.limit
        )
        return protocol.History(messages=messages, more=more)

    # ── Rooms ────────────────────────────────────────────────────────────────────────────────────

    async def _enter(self, room: str) -> Entry:
        """The visitor's rights now; without them, the session is in the room no more."""
        try:
            return await database.run(access.enter, room, self.visitor)
        except Unavailable:
            raise
        except BusError:
            if room in self._places:
                self._leave(room)
            raise

    async def _arrive(self, place: Place, command: protocol.RoomJoin) -> protocol.Joined:
        joined = await self._read_up(place, command)
        self._places[command.room] = place
        return joined

    async def _read_up(self, place: Place, command: protocol.RoomJoin) -> protocol.Joined:
        """The reply to a join; the events held back follow it."""
        room, entry = place.entry.room, place.entry
        recovery = await database.run(history.recover, room, command.since, command.limit)
        presence = hub().presence
        if command.room in self._places:
            present = await presence.look(room.pk)
        else:
            present = await presence.enter(
                room.pk, room.name, self.visitor.key, self.visitor.author
            )
        self._after_reply = lambda: place.seat.release(recovery.head)
        muted_until = entry.muted_until
        return protocol.Joined(
            room=entry.info,
            you=protocol.You(
                role=entry.role,
                muted_until=history.timestamp(muted_until) if muted_until else None,
            ),
            seq=recovery.head,
            recovered=recovery.recovered,
            messages=recovery.messages,
            presence=present,
        )

    def _place(self, room: str) -> Place:
        place = self._places.get(room)
        if place is None:
            raise NotMember
        return place

    def _leave(self, room: str) -> None:
        place = self._places.pop(room)
        hub().leave_room(place.seat)
        hub().presence.leave(place.entry.room.pk, self.visitor.key)

    # ── The visitor ──────────────────────────────────────────────────────────────────────────────

    async def _listen(self) -> None:
        if not self._listening:
            await hub().join_author(self.visitor.key, self.outbox)
            self._listening = True

    def _ignore(self) -> None:
        self._listening = False
        hub().leave_author(self.visitor.key, self.outbox)

    def _user(self) -> protocol.SessionUser:
        visitor = self.visitor
        return protocol.SessionUser(id=visitor.id, name=visitor.name, guest=visitor.guest)

    def _started(self) -> protocol.SessionStarted:
        return protocol.SessionStarted(
            session=uuid.uuid4().hex,
            server_time=_now(),
            user=self._user(),
            heartbeat=conf.heartbeat,
            limits=protocol.Limits(body=conf.body_limit, frame=conf.frame_limit),
            token=access.guest_token(self.visitor) if self.visitor.guest else None,
        )


def _now() -> str:
    return history.timestamp(timezone.now())


# The method of each command; nothing that a client writes names a method.
_METHODS: dict[type[Command], Callable[[Session, Any], Awaitable[Data]]] = {
    protocol.SessionAuthenticate: Session.authenticate,
    protocol.SessionPing: Session.ping,
    protocol.RoomJoin: Session.join,
    protocol.RoomLeave: Session.leave,
    protocol.MessageSend: Session.send_message,
    protocol.HistoryList: Session.list_history,
}
# What somebody may do whom the settings do not let in as a guest.
_FOR_ANYONE = (protocol.SessionAuthenticate, protocol.SessionPing)

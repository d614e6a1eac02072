"""The session protocol, `/ws/`: typed commands in, replies and events out."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from typing import Any

from django.utils import timezone

from bus.chat.guest_tokens import guest_token
from bus.chat.room_access import RoomAccess
from bus.chat.room_rights import Rights
from bus.chat.tokens import Grant
from bus.chat.user_adapter import Profile
from bus.chat.visitors import Visitor
from bus.conf import conf
from bus.consumers.commands import HANDLERS
from bus.consumers.commands.context import Data
from bus.consumers.joined_rooms import JoinedRoom, JoinedRooms
from bus.consumers.message_sender import MessageSender
from bus.consumers.socket import Closed, Socket, is_too_large
from bus.posting import events
from bus.protocol.commands import (
    Command,
    SessionAuthenticate,
    SessionPing,
)
from bus.protocol.errors import (
    CLOSE_BAD_FRAME,
    CLOSE_TOO_MANY,
    CLOSE_UNAUTHENTICATED,
    BusError,
    Internal,
    Invalid,
    Unauthenticated,
    Unavailable,
)
from bus.protocol.events import RoomChanged, SessionClosing, SessionStarted, UserChanged
from bus.protocol.frames import PROTOCOL, parse_frame, ref_of
from bus.protocol.objects import Limits, SessionUser
from bus.protocol.parser import parse_command
from bus.protocol.replies import reply_error, reply_ok
from bus.protocol.templates import started_frame
from bus.protocol.types import timestamp
from bus.realtime.room_filter import RoomFilter
from bus.realtime.room_subscription import Listener, RoomSubscription

logger = logging.getLogger(__name__)


class Session(Socket):
    """One session: who its visitor is, and the rooms that it is in."""

    joined_frames = True

    def __init__(self) -> None:
        super().__init__()
        self.rooms = JoinedRooms()
        self._sender: MessageSender | None = None
        # What its token says, if it came with one.
        self.grant: Grant | None = None
        # What hears of what concerns the visitor alone, in rooms that the token is for.
        self._author_listener: Listener | None = None
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
        self.writer.reply(self._started())
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
        self.check_commands(max(1, len(items)))
        for item in items:
            await self._handle_command(item)
            await self.writer.until_replies_fit()

    def clean_up(self) -> None:
        """Leave every room, and the author's own group."""
        for name, _ in self.rooms:
            self.leave(name)
        self._ignore()
        if self._expiry is not None:
            self._expiry.cancel()

    # ── Rights ───────────────────────────────────────────────────────────────────────────────────

    def accesses(self) -> dict[int, RoomAccess]:
        """What it keeps of the visitor's rights, by room id."""
        return {joined.access.room.pk: joined.access for _, joined in self.rooms}

    def refresh(self, access: RoomAccess, right: Rights) -> None:
        """Keep other rights, and say what has changed."""
        for name, joined in self.rooms:
            if joined.access.room.pk == access.room.pk:
                before, joined.access = joined.access, access
                if before.info != access.info:
                    self.writer.reply(RoomChanged.encode(access.info, name))
                if before.you != access.you:
                    self.writer.reply(events.member_changed(right).frame(name))

    def lose(
        self, room_id: int, error: BusError, right: Rights | None, *, reason: str = "not_found"
    ) -> None:
        """Leave a room, and say why; the session goes on in its others."""
        for name, joined in self.rooms:
            if joined.access.room.pk == room_id:
                self.leave(name)
                self.rooms.lose(name, error)
                self.writer.reply(events.member_changed(right, reason).frame(name))

    def notify(self, right: Rights) -> None:
        """Say what the visitor is in a room that the session is not in, but might be."""
        if self.is_granted(right.room.name):
            self.writer.reply(events.member_changed(right).frame(right.room.name))

    def rename(self, profile: Profile) -> None:
        """The visitor is shown like this from now on, and the client is told."""
        super().rename(profile)
        if self._sender is not None:
            self._sender.visitor = self.visitor
        self.writer.reply(UserChanged.encode(self.visitor.author))

    # ── Commands ─────────────────────────────────────────────────────────────────────────────────

    def announce_end(self, reconnect_in: float) -> None:
        """`session.closing`: come back after a while."""
        closing = SessionClosing(reconnect_in=reconnect_in, reason="restart")
        self.writer.reply(closing.frame())

    async def _handle_command(self, item: dict[str, Any]) -> None:
        """Do one command, and give exactly one reply to one that has a `ref`."""
        ref = ref_of(item)
        refusal: BusError | None = None
        data: Data = {}
        try:
            data = await self._dispatch(parse_command(item))
        except BusError as error:
            refusal = error
        except Closed:
            raise
        except Exception:
            logger.exception("A command of %s failed.", self.visitor.key)
            refusal = Internal()
        if refusal is not None:
            if item.get("ref") is not None:
                self.writer.reply(reply_error(ref, refusal))
        elif ref is not None:
            self.writer.reply(reply_ok(ref, data))
        after, self._after_reply = self._after_reply, None
        if after is not None:
            after()

    async def _dispatch(self, command: Command) -> Data:
        self.commands += 1
        if self.visitor.guest and not conf.guests and type(command) not in _FOR_ANYONE:
            raise Unauthenticated
        if self.turned_down is not None and type(command) not in _FOR_ANYONE:
            # It hears why, and comes back later.
            self.end(CLOSE_TOO_MANY)
            raise self.turned_down
        return await HANDLERS[type(command)](self, command)

    def after_reply(self, work: Callable[[], None]) -> None:
        """Have something done at once when the command in hand is answered."""
        self._after_reply = work

    @property
    def sender(self) -> MessageSender:
        """What it writes with; made when something is first written: most people read."""
        if self._sender is None:
            self._sender = MessageSender(self.visitor, self.limits, self.process.outcomes)
        return self._sender

    # ── Rooms ────────────────────────────────────────────────────────────────────────────────────

    async def subscribe(self, room_id: int) -> RoomSubscription:
        """Hear a room, its events held back; raises Unavailable."""
        return await self.process.hub.join_room(room_id, self.writer)

    def entered(self, room: JoinedRoom) -> None:
        """Be in a room from now on."""
        self.rooms.add(room)
        self.process.access_watcher.entered(self, room.access.room.pk)

    def leave(self, name: str) -> None:
        """Be in a room no more, and hear it no more."""
        joined, hub, key = self.rooms.remove(name), self.process.hub, self.visitor.key
        room_id = joined.access.room.pk
        self.process.access_watcher.left(self, room_id)
        hub.leave_room(joined.subscription)
        hub.typing.stop(room_id, name, key)
        hub.presence.leave(room_id, key)

    # ── The visitor ──────────────────────────────────────────────────────────────────────────────

    async def listen(self) -> None:
        """Listen to what concerns the visitor alone; once is enough. Raises Unavailable."""
        if self._author_listener is None:
            rooms = None if self.grant is None else self.grant.rooms
            listener = self.writer if rooms is None else RoomFilter(self.writer, rooms)
            await self.process.hub.join_author(self.visitor.key, listener)
            self._author_listener = listener

    async def identify(self, visitor: Visitor, grant: Grant | None = None) -> None:
        """Be whom a token says; with a grant, until it ends and in its rooms alone."""
        self._ignore()
        self.become(visitor, None if grant is None else grant.password)
        self.grant = grant
        self._sender = None
        if grant is not None:
            left = max(0.0, grant.expires_at - time.time())
            loop = asyncio.get_running_loop()
            self._expiry = loop.call_later(left, self.end, CLOSE_UNAUTHENTICATED)
        await self.listen()

    def is_granted(self, room: str) -> bool:
        """Whether its token, if it came with one, is for this room."""
        return self.grant is None or self.grant.rooms is None or room in self.grant.rooms

    def _ignore(self) -> None:
        if self._author_listener is not None:
            self.process.hub.leave_author(self.visitor.key, self._author_listener)
            self._author_listener = None

    def user(self) -> SessionUser:
        """Who the session is, as its client is told."""
        visitor = self.visitor
        return SessionUser(
            id=visitor.id,
            guest=visitor.guest,
            name=visitor.name,
            avatar_url=visitor.avatar_url,
            profile_url=visitor.profile_url,
        )

    def _started(self) -> bytes:
        session, now, token, visitor = secrets.token_hex(16), _now(), self._token(), self.visitor
        numbers = heartbeat, body, frame = conf.heartbeat, conf.body_limit, conf.frame_limit
        found = None
        if visitor.avatar_url is visitor.profile_url is None:
            user = visitor.id, visitor.name, visitor.guest
            found = started_frame(session, now, user, numbers, token)
        return (
            found
            or SessionStarted(
                session=session,
                server_time=now,
                user=self.user(),
                heartbeat=heartbeat,
                limits=Limits(body=body, frame=frame),
                token=token,
            ).frame()
        )

    def _token(self) -> str | None:
        """By which a guest stays the same guest."""
        known = self.visitor.guest and self.turned_down is None
        return guest_token(self.visitor) if known else None


def _now() -> str:
    return timestamp(timezone.now())


# What somebody may do who is not let in as a guest.
_FOR_ANYONE = (SessionAuthenticate, SessionPing)
